"What is shipped: the wheel and the source distribution, installed where nothing else of this project is; the container's recipe."
import json, os, re, shutil, subprocess, sys, sysconfig, tarfile, venv, zipfile
from pathlib import Path
import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT/'.ci/Dockerfile'
pytest.importorskip('setuptools', '70.1', 'setuptools makes wheels from 70.1 on; pip install -U setuptools')

def instructions():
    "The Dockerfile as (instruction, rest), continued lines joined."
    text = re.sub(r'\\\n', ' ', DOCKERFILE.read_text())
    return [tuple(l.split(None, 1)) for l in text.splitlines() if l.strip() and not l.startswith('#')]

def built(source, out, kind):
    "A distribution, made in a process of its own by the backend that pip calls, without a network."
    code = f'import setuptools.build_meta as b; print(b.build_{kind}({str(out)!r}))'
    p = subprocess.run([sys.executable, '-c', code], cwd=source, capture_output=True, text=True)
    assert p.returncode == 0, p.stderr[-2000:]
    return out/p.stdout.splitlines()[-1]

@pytest.fixture(scope='module')
def source(tmp_path_factory):
    "Nothing but what the Dockerfile copies: what is not in it is not needed to install."
    place = tmp_path_factory.mktemp('source')
    for what, rest in instructions():
        if what != 'COPY': continue
        *names, to = rest.split()
        for name in names:
            assert (ROOT/name).exists(), f'COPY {name}: not there'
            if (ROOT/name).is_dir(): shutil.copytree(ROOT/name, place/to, ignore=shutil.ignore_patterns('__pycache__'))
            else: shutil.copy(ROOT/name, place/to)
    return place

@pytest.fixture(scope='module')
def wheel(source, tmp_path_factory): return built(source, tmp_path_factory.mktemp('wheel'), 'wheel')

@pytest.fixture(scope='module')
def installed(wheel, tmp_path_factory):
    "A fresh environment with the wheel in it, and the requirements borrowed from this one, behind it on the path."
    place = tmp_path_factory.mktemp('env')
    venv.create(place, symlinks=True, with_pip=True)
    pip = subprocess.run([place/'bin/python', '-m', 'pip', 'install', '-q', '--no-deps', '--no-index', wheel], capture_output=True, text=True)
    assert pip.returncode == 0, pip.stderr
    site = next((place/'lib').glob('python*/site-packages'))
    (site/'borrowed.pth').write_text(sysconfig.get_paths()['purelib'] + '\n')
    return place

def in_env(installed, tmp_path, *words):
    env = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'} | dict(HOME=str(tmp_path))
    return subprocess.run([installed/'bin'/words[0], *words[1:]], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)

def test_wheel_holds_the_package_and_nothing_else(wheel):
    names = [n for n in zipfile.ZipFile(wheel).namelist() if '.dist-info/' not in n]
    there = {f'pgolf/{p.name}' for p in (ROOT/'pgolf').iterdir() if p.is_file()}
    assert set(names) == there and 'pgolf/py.typed' in there and 'pgolf/default.vocab' in there
    meta = next(n for n in zipfile.ZipFile(wheel).namelist() if n.endswith('METADATA'))
    text = zipfile.ZipFile(wheel).read(meta).decode()
    assert 'Requires-Python: >=3.11' in text and 'Requires-Dist: torch' in text and 'A language model in 16,000,000 bytes' in text

def test_installed_from_the_wheel(installed, tmp_path):
    "The command and every module, in an empty folder with an empty home, while the notebook tools refuse to be imported."
    code = '''import importlib, pkgutil, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('nbdev', 'fastcore', 'execnb', 'IPython', 'jupyter', 'nbconvert', 'mistune', 'pytest', 'scipy'): raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import pgolf
for m in pkgutil.iter_modules(pgolf.__path__):
    if not m.name.startswith('_'): importlib.import_module('pgolf.'+m.name)
print(pgolf.__file__, pgolf.__version__)'''
    p = in_env(installed, tmp_path, 'python', '-c', code)
    assert p.returncode == 0 and p.stdout.startswith(str(installed)), p.stderr
    p = in_env(installed, tmp_path, 'pgolf', '--help')
    assert p.returncode == 0 and 'sixteen million bytes' in p.stdout, p.stderr
    p = in_env(installed, tmp_path, 'pgolf', 'docs')
    assert p.returncode == 2 and 'works in a checkout' in p.stderr and 'Traceback' not in p.stderr
    assert all(name in ('.cache', '.config') for name in os.listdir(tmp_path)), 'nothing may be left behind'

def checkout(tmp_path):
    "The checkout without what is not under version control."
    copy = tmp_path/'copy'
    names = subprocess.run(['git', 'ls-files'], cwd=ROOT, capture_output=True, text=True).stdout.split()
    for name in names:
        (copy/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT/name, copy/name)
    return copy

def test_wheel_from_the_source_distribution(wheel, tmp_path):
    "The source distribution holds the notebooks, and makes the same wheel."
    sdist = built(checkout(tmp_path), tmp_path, 'sdist')
    with tarfile.open(sdist) as t: t.extractall(tmp_path/'x', **({'filter': 'data'} if hasattr(tarfile, 'data_filter') else {})) # from Python 3.11.4 on
    [top] = (tmp_path/'x').iterdir()
    assert {p.name for p in (top/'nbs').iterdir()} >= {p.name for p in (ROOT/'nbs').glob('*.ipynb')}
    again = built(top, tmp_path, 'wheel')
    contents = [{n: z.read(n) for n in z.namelist() if '.dist-info/' not in n} for z in map(zipfile.ZipFile, (wheel, again))]
    assert contents[0] == contents[1]

def test_dockerfile():
    "What a linter would say: known instructions, a pinned base, nothing run as root in the end, no package lists kept."
    found = instructions()
    known = {'FROM', 'RUN', 'WORKDIR', 'COPY', 'USER', 'ENTRYPOINT', 'CMD', 'ENV', 'ARG'}
    assert {what for what, _ in found} <= known and found[0][0] == 'FROM'
    base = found[0][1]
    assert re.fullmatch(r'[\w./-]+:\d[\w.-]*', base), f'{base}: not pinned'
    ini = (ROOT/'settings.ini').read_text()
    assert base.split(':')[1].startswith(re.search(r'min_python = (\S+)', ini)[1])
    users = [rest for what, rest in found if what == 'USER']
    assert users and users[-1] not in ('root', '0')
    for what, rest in found:
        if what == 'RUN':
            if 'apt-get install' in rest: assert 'apt-get update' in rest and '-y' in rest and '--no-install-recommends' in rest and 'rm -rf /var/lib/apt/lists' in rest
            if 'pip install' in rest: assert '--no-cache-dir' in rest
            assert subprocess.run(['bash', '-n', '-c', rest], capture_output=True).returncode == 0, f'{rest}: no shell command'
        if what in ('ENTRYPOINT', 'CMD'): assert isinstance(json.loads(rest), list), f'{what}: in the form of a list, so that signals arrive'
