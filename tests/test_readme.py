"Every command of the README, typed to the letter in a folder that has the files it names; what would take long is made small by settings added at its end."
import importlib.util, re, shutil, subprocess
import numpy as np, pytest
from conftest import PGOLF, ROOT, SMALL
from pgolf.data import write_shard

TINY = ' '.join(SMALL) + ' steps=4'
ADDED = { # command without its options -> what is added
    'run': TINY, 'ablate': f'--seeds 1 text=PATH {TINY}', 'doctor': 'preset=cpu', 'score': 'val_bytes=4000',
    'tokenize': '--val-docs 5', 'compress': 'threads=1', 'vocab search': f'--candidates 300 --seconds 1 --seeds 1 --val-bytes 4000',
    'bench tokenizer': '--mega .1 --repeats 1', 'sample': '--tokens 8', 'size': '--code 30000'}
ELSEWHERE = { # tested where what they need is there
    'fetch': 'nbs/03_fetch.ipynb, against a hub of its own', 'train_gpt.py': 'tests/test_script.py, with one process and two',
    'pgolf seeds': 'conftest.py, which makes the three runs that are submitted here', 'verify runs/NAME --thorough': 'the same without --thorough here; minutes'}
ANSWERS = {'verify': (0, 1, 3), 'submit': (0, 1, 3)} # a small run is no record; what they find is tests/test_zoo.py's

def commands():
    "What stands in the README's fences after the first two, comments off."
    fences = re.findall(r'```sh\n(.+?)\n```', (ROOT/'README.md').read_text(), re.S)[2:]
    lines = [l.split('  #')[0].split('   #')[0].strip() for f in fences for l in f.splitlines()]
    return [l for l in lines if '.venv/bin/pgolf' in l or 'train_gpt.py' in l]

@pytest.fixture(scope='module')
def folder(text, done, three, tmp_path_factory):
    "All that the commands name."
    d = tmp_path_factory.mktemp('readme')
    (d/'.venv/bin').mkdir(parents=True); (d/'.venv/bin/pgolf').symlink_to(PGOLF)
    (d/'PATH').mkdir(); shutil.copy(text, d/'PATH'); shutil.copy(text, d/'docs_selected.jsonl')
    shutil.copy(ROOT/'pgolf/default.vocab', d/'candidate.vocab')
    (d/'TEXT').write_text('A text of a few words, such as this one.')
    (d/'runs').mkdir()
    for name, run in dict(NAME='a', A='a', B='c').items(): shutil.copytree(done/run, d/'runs'/name)
    shutil.copytree(three, d/'runs/three')
    (d/'adapter.py').write_text('import numpy as np, torch\nclass Even:\n    def score(self, block): return torch.full((len(block), 1024), -np.log(1024.))\n'
                                '    def update(self, block): pass\ndef make(): return Even()\n')
    write_shard(d/'fineweb_val_000000.bin', np.random.default_rng(0).integers(0, 1024, 600).astype(np.uint16))
    return d

@pytest.mark.parametrize('line', sorted(commands(), key=lambda l: 'Theirs' in l)) # that one is verified which `submit` makes
def test_command(line, folder):
    why = next((v for k, v in ELSEWHERE.items() if k in line), None)
    if why and '--thorough' not in line: pytest.skip(f'tested in {why}')
    name = re.search(r'pgolf (vocab \w+|bench \w+|\w+)', line)[1]
    if name == 'track' and not importlib.util.find_spec('tensorboard'): pytest.skip('no tensorboard here')
    if 'Theirs' in line: shutil.copytree(next((folder/'submissions').iterdir()), folder/'records/2026-04-30_Theirs')
    typed = f"{line.replace(' --thorough', '')} {ADDED.get(name, '')}"
    p = subprocess.run(['bash', '-c', typed], cwd=folder, capture_output=True, text=True, timeout=600)
    assert p.returncode in ANSWERS.get(name, (0,)) and 'Traceback' not in p.stderr, f'{typed}\n{p.stdout}\n{p.stderr}'
    assert p.stdout or name in ('decompress',), 'a command says what it did'

def test_nothing_is_left_out():
    "Every command of the command line is in the README."
    from pgolf.tools import TOOLS
    named = ' '.join(commands())
    for name in (*TOOLS, 'run', 'score', 'sample'):
        if name not in ('docs',): assert f'pgolf {name}' in named, name
