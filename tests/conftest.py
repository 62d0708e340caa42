"The command line in a process of its own, a text that is on every machine, and three finished runs that tests may read."
import json, subprocess, sys
from pathlib import Path
import pytest

ROOT = Path(__file__).resolve().parent.parent
PGOLF = str(Path(sys.executable).with_name('pgolf'))
SMALL = ('preset=cpu num_layers=2 model_dim=64 ve_layers=1 bigram_vocab_size=256 bigram_dim=64 ve_dim=16 '
         'val_bytes=20000 sample_tokens=16 probe_secs=2').split()

def pgolf(*words, **kw):
    "Run the command; give its exit code and what it said."
    return subprocess.run([PGOLF, *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=300, **kw)

@pytest.fixture(scope='session')
def text(tmp_path_factory):
    "The topics of Python's own help, without those that repeat a paragraph of another: what is scored should be new."
    from pydoc_data.topics import topics
    folder, seen, kept = tmp_path_factory.mktemp('text'), set(), []
    for t in topics.values():
        paragraphs = {p.strip() for p in t.split('\n\n') if len(p.strip()) >= 32}
        if not paragraphs & seen: kept.append(t)
        seen |= paragraphs
    (folder/'topics.jsonl').write_text('\n'.join(json.dumps(dict(text=t)) for t in kept))
    return folder/'topics.jsonl'

@pytest.fixture(scope='session')
def done(text, tmp_path_factory):
    "Two runs with the same seed and a third with another."
    folder = tmp_path_factory.mktemp('runs')
    for name, seed in (('a', 1), ('b', 1), ('c', 2)):
        p = pgolf('run', *SMALL, f'text={text}', 'steps=60', f'seed={seed}', f'out={folder/name}')
        assert p.returncode == 0, p.stderr
    return folder

@pytest.fixture(scope='session')
def three(text, tmp_path_factory):
    "A run with three seeds."
    out = tmp_path_factory.mktemp('three')/'seeds'
    p = pgolf('seeds', 3, *SMALL, f'text={text}', 'steps=4', 'seed=1', 'probe_secs=0', f'out={out}', '--quiet')
    assert p.returncode == 0 and '| mean |' in p.stdout and '| sd |' in p.stdout, p.stderr
    return out
