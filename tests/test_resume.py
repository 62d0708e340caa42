"A training that is killed at any moment goes on as if it had not been: the same bytes at the end."
import json, os, random, subprocess, sys, time
from pathlib import Path
import pytest
from test_ranks import ENV, WORKER, torchrun

KILLS = 20 if os.environ.get('PGOLF_SLOW') else 2 # moments at which it is killed; PGOLF_SLOW=1 for all of them
WORDS = ['iterations=60', 'average=ema', 'qat=1', 'late_qat_threshold=0.6']

def start(out, *words): return subprocess.Popen([sys.executable, *WORKER, str(out), *WORDS, *words], env=ENV, stderr=subprocess.PIPE, text=True)

def result(out): return json.loads(Path(f'{out}.0').read_text())

@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    "The uninterrupted training, without a single checkpoint."
    out = tmp_path_factory.mktemp('whole')/'out'
    p = start(out)
    assert p.wait(240) == 0, p.stderr.read()
    return result(out)

def killed_at(folder, out, step, delay, *words):
    "Start or go on, and SIGKILL a moment after a step, in whatever is being done then; whether it had ended before."
    seen = Path(f'{out}.step')
    seen.unlink(missing_ok=True)
    p = start(out, f'folder={folder}', f'touch={seen}', *words)
    while p.poll() is None and not (seen.exists() and int(seen.read_text() or 0) >= step): time.sleep(.005)
    time.sleep(delay)
    p.kill()
    p.communicate()
    return p.returncode == 0

def test_killed_and_gone_on_with(whole, tmp_path):
    "SIGKILL at random moments, a checkpoint after every step; each time it goes on from the newest whole file."
    rng, out, folder = random.Random(0), tmp_path/'out', tmp_path/'run'
    steps = sorted(rng.randrange(1, 59) for _ in range(KILLS))
    for i, step in enumerate(steps):
        if killed_at(folder, out, step, rng.uniform(0, .05), *([f'resume={folder}'] if i else [])): break
        assert 1 <= len(list(folder.glob('checkpoint-*.pgolf'))) <= 3
    p = start(out, f'folder={folder}', f'resume={folder}')
    assert p.wait(240) == 0, p.stderr.read()
    assert result(out)['digest'] == whole['digest'] and result(out)['steps'] == 60
    rest = result(out)['nats'] # of the last process: none if it was killed after the last step
    assert len(rest) < 60 and rest == whole['nats'][60-len(rest):]
    assert sorted(p.suffix for p in folder.iterdir()) == ['.pgolf']*2

def test_a_damaged_file_costs_one_checkpoint(whole, tmp_path):
    out, folder = tmp_path/'out', tmp_path/'run'
    killed_at(folder, out, 20, 0.)
    newest = sorted(folder.glob('checkpoint-*.pgolf'))[-1]
    data = bytearray(newest.read_bytes())
    data[len(data)//2] ^= 1
    newest.write_bytes(data)
    p = start(out, f'folder={folder}', f'resume={folder}')
    assert p.wait(240) == 0, p.stderr.read()
    assert result(out)['digest'] == whole['digest']

def test_on_another_number_of_processes(whole, tmp_path):
    "Begun on one process and gone on with on three: momentum is cut on the way, the losses are those of one to 1e-4."
    out, folder = tmp_path/'out', tmp_path/'run'
    killed_at(folder, out, 40, 0.)
    three = torchrun(3, out, *WORDS, f'resume={folder}', f'folder={folder}')
    rest = three[0]['nats']
    assert three[0]['steps'] == 60 and 0 < len(rest) <= 21
    assert max(abs(a-b) for a, b in zip(rest, whole['nats'][-len(rest):], strict=True)) < 1e-4
