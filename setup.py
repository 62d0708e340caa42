"Everything here comes from settings.ini; edit that, not this."
from configparser import ConfigParser
from glob import glob
import setuptools
from setuptools.command.sdist import sdist

ini = ConfigParser(delimiters=['='])
ini.read('settings.ini', encoding='utf-8')
cfg = ini['DEFAULT']
lib = cfg['lib_path']

class Sdist(sdist):
    "With what this file reads, and with the notebooks that everything is made from."
    def make_distribution(self):
        self.filelist.extend(['settings.ini', 'LOG.md', *glob('nbs/*.ipynb'), *glob('nbs/*.jsonl'), *glob('tests/*.py')])
        super().make_distribution()

setuptools.setup(
    cmdclass=dict(sdist=Sdist),
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'], license=cfg['license'],
    author=cfg['author'], author_email=cfg['author_email'], keywords=cfg['keywords'], url=cfg['git_url'],
    packages=setuptools.find_packages(include=[lib, f'{lib}.*']), package_data={lib: ['default.vocab', 'default.json', 'py.typed']},
    install_requires=cfg['requirements'].split(),
    extras_require={k.removesuffix('_requirements'): v.split() for k, v in cfg.items() if k.endswith('_requirements')},
    python_requires='>='+cfg['min_python'],
    long_description=open('README.md', encoding='utf-8').read(), long_description_content_type='text/markdown',
    entry_points={'console_scripts': [f'pgolf={lib}.cli:main'], 'nbdev': [f'{lib}={lib}._modidx:d']})
