"What no single notebook can test of itself: that notebooks, modules, README and CI agree, and that the notebooks keep the house style."
import ast, configparser, json, re, shutil, subprocess, sys
from pathlib import Path
import pytest
from nb import readme_text

ROOT = Path(__file__).resolve().parent.parent
NBS = sorted((ROOT/'nbs').glob('[0-9]*.ipynb')) + [ROOT/'nbs/index.ipynb']
MODULES = sorted((ROOT/'pgolf').glob('[!_]*.py'))
MAX_CELL, MAX_FUNCTION, MAX_MODULE, MAX_COLUMNS, MAX_NB_KB, MAX_IMG_KB = 40, 40, 400, 120, 500, 60
# the words are put together here so that this file is not found by its own search
UNFINISHED = re.compile(r'\b(' + '|'.join(('TO'+'DO', 'FIX'+'ME', 'X'+'XX', 'NotImplemented'+'Error')) + r')\b')
ini = configparser.ConfigParser(delimiters=['='])
ini.read(ROOT/'settings.ini', encoding='utf-8')

def cells(nb): return json.loads(nb.read_text())['cells']
def source(c): return ''.join(c['source'])
def exported(nb): return [c for c in cells(nb) if c['cell_type'] == 'code' and re.search(r'^#\|\s*export', source(c), re.M)]
def module(nb):
    m = re.search(r'^#\|\s*default_exp\s+(\S+)', '\n'.join(map(source, cells(nb))), re.M)
    return m and m[1]

@pytest.fixture(scope='session')
def fresh(tmp_path_factory):
    "A copy of the repository with the modules made anew and the notebooks cleaned."
    d = tmp_path_factory.mktemp('fresh')/'pgolf'
    shutil.copytree(ROOT, d, ignore=shutil.ignore_patterns('.git', '*.egg-info', '__pycache__', '_docs', '.venv', 'runs', '.pytest_cache'))
    for p in (d/'pgolf').glob('*.py'):
        if p.name != '__init__.py': p.unlink()
    for command in ('nbdev_export', 'nbdev_clean'):
        subprocess.run([Path(sys.executable).with_name(command)], cwd=d, check=True)
    return d

def same(a, b, pattern):
    fa, fb = ({p.relative_to(r).as_posix(): p.read_bytes() for p in r.glob(pattern)} for r in (a, b))
    assert fa.keys() == fb.keys(), f'only here: {fa.keys()-fb.keys()}, only fresh: {fb.keys()-fa.keys()}'
    for k in fa: assert fa[k] == fb[k], f'{k} differs: run nbdev_export && nbdev_clean'

def test_modules_in_sync(fresh): same(ROOT, fresh, 'pgolf/*.py')
def test_notebooks_clean(fresh): same(ROOT, fresh, 'nbs/*.ipynb')
def test_readme_in_sync(): assert (ROOT/'README.md').read_text() == readme_text(), 'run python tests/nb.py readme'

@pytest.mark.parametrize('nb', NBS, ids=lambda p: p.stem)
def test_notebook(nb):
    ids = [c.get('id') for c in cells(nb)]
    assert None not in ids and len(set(ids)) == len(ids), 'every cell needs its own id, or every export rewrites the modules'
    assert nb.stat().st_size <= MAX_NB_KB*1024
    for c in cells(nb):
        for o in c.get('outputs', []):
            assert o['output_type'] != 'error', f"an error was saved in the output of {c['id']}"
            assert len(o.get('data', {}).get('image/png', '')) <= MAX_IMG_KB*1024*4/3, f"{c['id']}: draw the picture smaller"
            assert str(ROOT) not in json.dumps(o), f"{c['id']}: a path of this machine in the output"
    for c in exported(nb):
        n = sum(bool(l.strip()) for l in source(c).splitlines())
        assert n <= MAX_CELL, f"{c['id']} exports {n} lines; cut it where a reader would take breath"

def test_imports_point_backwards():
    "A notebook uses only modules of notebooks before it, so the order of reading is the order of building."
    number = {module(nb): i for i, nb in enumerate(NBS) if module(nb)}
    for i, nb in enumerate(NBS[:-1]):
        for m in re.findall(r'^\s*(?:from|import) pgolf\.(\w+)', '\n'.join(map(source, cells(nb))), re.M):
            assert m == module(nb) or number[m] < i, f'{nb.name} uses pgolf.{m}, which comes later'

IMPORT_NAMES = {'pyyaml': 'yaml'} # packages that are imported under another name

def test_every_module_has_a_notebook(): assert {p.stem for p in MODULES} == {module(nb) for nb in NBS if module(nb)}

@pytest.mark.parametrize('path', MODULES, ids=lambda p: p.stem)
def test_module(path):
    "Small enough to be read, documented, and without the notebook tools."
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_MODULE
    wanted = ' '.join(v for k, v in ini['DEFAULT'].items() if k.endswith('requirements') and k != 'dev_requirements')
    allowed = {IMPORT_NAMES.get(r := re.match(r'[\w-]+', w)[0], r) for w in wanted.split()}
    ours = text[text.index('\n# %% ../nbs'):]  # what stands above is nbdev's
    long = [l for l in ours.splitlines() if len(l) > MAX_COLUMNS]
    assert not long, f'{path.name}: lines over {MAX_COLUMNS} columns: {long}'
    for node in ast.walk(ast.parse(text)):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ''] if isinstance(node, ast.ImportFrom) and not node.level else []
        for n in names: assert n.split('.')[0] in {*sys.stdlib_module_names, *allowed}, f'{path.name} imports {n}'
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            if isinstance(node, ast.FunctionDef): assert node.end_lineno-node.lineno < MAX_FUNCTION, f'{path.name}: {node.name} is long'
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith('_'):
            assert ast.get_docstring(node), f'{path.name}: {node.name} has no docstring'

def test_commands():
    "The two commands of the README are those that CI runs, to the letter."
    fences = re.findall(r'```sh\n(.+)\n```', (ROOT/'README.md').read_text())
    main, tests = fences[:2]
    assert main.endswith('pgolf run') and 'nbdev_test' in tests and 'pytest' in tests
    assert main in (ROOT/'README.md').read_text()[:2500], 'the commands belong on the first screen'
    for ci in ('.ci/run', '.github/workflows/ci.yml'):
        text = (ROOT/ci).read_text()
        assert tests in text and main in text, f'{ci} runs something else than the README says'

def test_speaks_of_itself_alone():
    "No stand-ins left, and nothing too large to clone."
    tracked = [ROOT/p for p in subprocess.run(['git', 'ls-files'], cwd=ROOT, capture_output=True, text=True).stdout.split()]
    for p in tracked:
        assert p.stat().st_size <= 1_000_000, f'{p}: over a megabyte'
        if p.suffix in ('.py', '.ipynb') and p.parent.name in ('pgolf', 'nbs'):
            assert not UNFINISHED.search(p.read_text()), f'{p}: unfinished, by its own words'
