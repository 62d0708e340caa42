"""Two small things that an nbdev project without Quarto needs.

    python tests/nb.py run nbs/04_model.ipynb [--flags 'slow data']   execute, keep the outputs, clean
    python tests/nb.py readme                                         README.md from nbs/index.ipynb
"""
import argparse, hashlib, os, re, sys, tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

def compiled_afresh(path):
    "Let numba keep a notebook's code in a place of these very sources: it misses changes in a function that another calls."
    sources = hashlib.sha256(b''.join(p.read_bytes() for p in [*sorted((ROOT/'pgolf').glob('*.py')), Path(path)]))
    folder = Path(tempfile.gettempdir())/f'pgolf-numba-{sources.hexdigest()[:16]}'
    folder.mkdir(exist_ok=True)
    os.environ['NUMBA_CACHE_DIR'] = os.environ['XDG_CACHE_HOME'] = str(folder) # of modules; of cells, by way of IPython

def run(path, flags=''):
    "Execute a notebook as `nbdev_test` does and keep its outputs; a cell behind a flag not given keeps the output it had."
    from execnb.nbio import write_nb
    from execnb.shell import CaptureShell
    from fastcore.xtras import working_directory
    from nbdev.clean import clean_nb
    from nbdev.config import get_config
    from nbdev.process import NBProcessor
    path = Path(path).resolve()
    skip = set(get_config().tst_flags.split()) - set(flags.split())
    nb = NBProcessor(path, rm_directives=False).nb
    shell = CaptureShell(path, mpl_format='png')
    shell._run(f'import sys; sys.path.insert(0, {str(ROOT)!r})')  # this checkout's modules, not the ones installed last
    with working_directory(path.parent):
        for cell in nb.cells:
            if cell.cell_type != 'code' or skip & cell.directives_.keys(): continue
            cell.outputs = []
            shell.cell(cell)
            if shell.exc:
                sys.stderr.write(shell.prettytb(path))
                raise SystemExit(1)
    clean_nb(nb)
    write_nb(nb, path)

def readme_text(path=ROOT/'nbs/index.ipynb'):
    """Markdown of a notebook: prose as it is, code fenced with its text outputs below; of `#| echo: false` cells only
    the outputs, of `#| hide` cells nothing. Links from the notebook's folder become links from here."""
    from execnb.nbio import read_nb
    out = ['<!-- Made from nbs/index.ipynb by tests/nb.py readme: edit that, not this. -->']
    for cell in read_nb(path).cells:
        if cell.cell_type == 'markdown': out.append(cell.source); continue
        if re.search(r'^#\|\s*hide', cell.source, re.M): continue
        if not re.search(r'^#\|\s*echo:\s*false', cell.source, re.M):
            source = '\n'.join(l for l in cell.source.splitlines() if not l.startswith('#|'))
            out.append(f'```python\n{source}\n```')
        for o in cell.outputs:
            data = o.get('data', {})
            text = ''.join(o.get('text') or data.get('text/plain', ''))
            if 'text/markdown' in data: out.append(''.join(data['text/markdown']))
            elif text: out.append(f'```\n{text.rstrip()}\n```')
    return re.sub(r'\]\((\w+\.(?:ipynb|png|jsonl))', r'](nbs/\1', '\n\n'.join(out)) + '\n'

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('cmd', choices=['run', 'readme'])
    p.add_argument('paths', nargs='*')
    p.add_argument('--flags', default='')
    a = p.parse_args()
    if a.cmd == 'readme': (ROOT/'README.md').write_text(readme_text())
    if a.cmd == 'run': compiled_afresh(a.paths[0])
    for path in a.paths: run(path, a.flags)
