"One training in several processes: the same as in one, ending together, failing together."
import json, os, signal, socket, subprocess, sys, time
from pathlib import Path
import pytest

ROOT = Path(__file__).resolve().parent.parent
WORKER = [str(ROOT/'tests/worker.py'), 'train']
ENV = {**{k: v for k, v in os.environ.items() if k not in ('RANK', 'WORLD_SIZE')}, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', 'PYTHONHASHSEED': '0'}

def torchrun(n, out, *words, command='train'):
    "Under torchrun on this machine; what the ranks wrote."
    p = subprocess.run([sys.executable, '-m', 'torch.distributed.run', '--standalone', f'--nproc_per_node={n}', WORKER[0], command, str(out), *words],
                       env=ENV, capture_output=True, text=True, timeout=240)
    assert p.returncode == 0, p.stderr[-3000:]
    return [json.loads(Path(f'{out}.{r}').read_text()) for r in range(n)]

def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]

def by_hand(n, out, *words):
    "The same without a launcher, so that nobody but the ranks themselves ends the others."
    where = dict(WORLD_SIZE=str(n), MASTER_ADDR='127.0.0.1', MASTER_PORT=str(free_port()))
    return [subprocess.Popen([sys.executable, *WORKER, str(out), *words], env={**ENV, **where, 'RANK': str(r), 'LOCAL_RANK': str(r)},
                             stderr=subprocess.PIPE, text=True) for r in range(n)]

@pytest.fixture(scope='module')
def alone(tmp_path_factory):
    out = tmp_path_factory.mktemp('alone')/'out'
    subprocess.run([sys.executable, *WORKER, str(out)], env=ENV, check=True, timeout=240)
    return json.loads(Path(f'{out}.0').read_text())

@pytest.mark.parametrize('n, loader', [(2, 'rows'), (3, 'rows'), (4, 'rows'), (2, 'unequal'), (3, 'unequal')])
def test_same_training(alone, tmp_path, n, loader):
    "Twenty steps at any world size: the same rows in the same order, the same losses, the same weights on all ranks."
    ranks = torchrun(n, tmp_path/'out', f'loader={loader}')
    for r in ranks:
        assert r['world'] == n and r['rows'] == alone['rows'] and r['steps'] == 20 and r['apart'] == 0
        assert max(abs(a-b) for a, b in zip(r['nats'], alone['nats'], strict=True)) < 1e-5
        assert max(abs(a-b) for a, b in zip(r['weights'], alone['weights'])) < 1e-2
    assert alone['nats'][-1] < alone['nats'][0] - .5

def test_clipping(tmp_path):
    "Clipped after the mean, or before it with each rank's own factor, as the record does; one rank of three has no rows."
    assert torchrun(3, tmp_path/'out', command='clip') == [dict(clipped=True)]*3

def test_the_clock_of_one(tmp_path):
    "Rank 1's clock runs twice as fast; both do the same steps at the same rates, and end in time by the first one's clock."
    a, b = torchrun(2, tmp_path/'out', 'max_wallclock_seconds=3', 'iterations=1000000', 'skew=2', 'warmup_steps=2', 'pause=0.02')
    assert a['steps'] == b['steps'] > 2 and a['nats'] == b['nats'] and a['apart'] == b['apart'] == 0
    assert a['secs'] == b['secs'] < 3

def test_failing_together(tmp_path):
    "Rank 1 raises in step 3; rank 0, waiting for it, ends within seconds with its name and message, and not with success."
    ranks = by_hand(3, tmp_path/'out', 'fail=1,3', 'iterations=1000000')
    said = [p.communicate(timeout=120)[1] for p in ranks]
    assert [p.returncode for p in ranks] == [3, 1, 3]
    for r in (0, 2): assert 'rank 1: the oven is too hot' in said[r], said[r]
    assert 'ValueError: the oven is too hot' in said[1]

def test_failing_within_seconds(tmp_path):
    "The same, timed from the moment of the failure; and a rank that is killed outright, which can leave no message."
    for word, code in (('fail=0,3', 1), ('hard=1', 9)):
        ranks = by_hand(2, tmp_path/'out', 'fail=0,3', word, 'iterations=1000000')
        first = ranks[0].wait(120), time.monotonic()
        assert first[0] == code and ranks[1].wait(30) not in (0, None) and time.monotonic()-first[1] < 12

def test_under_torchrun_the_message_is_there(tmp_path):
    p = subprocess.run([sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2', *WORKER, str(tmp_path/'out'), 'fail=1,3'],
                       env=ENV, capture_output=True, text=True, timeout=120)
    assert p.returncode != 0 and 'the oven is too hot' in p.stderr

def test_two_nodes(alone, tmp_path):
    "Two launchers that meet over the loopback, one process each: the training of one."
    port = free_port()
    nodes = [subprocess.Popen([sys.executable, '-m', 'torch.distributed.run', '--nnodes=2', f'--node-rank={r}', '--nproc_per_node=1', '--master-addr=127.0.0.1',
                               f'--master-port={port}', *WORKER, str(tmp_path/'out')], env=ENV, stderr=subprocess.PIPE, text=True) for r in range(2)]
    for p in nodes: assert p.communicate(timeout=240) and p.returncode == 0
    for r in range(2):
        rank = json.loads((tmp_path/f'out.{r}').read_text())
        assert rank['world'] == 2 and max(abs(a-b) for a, b in zip(rank['nats'], alone['nats'])) < 1e-5

def test_one_is_asked_all_stop(tmp_path):
    "SIGTERM to the second rank alone: both stop after the same step, with one checkpoint and a line that says how to go on."
    ranks = by_hand(2, tmp_path/'out', 'iterations=1000000', f'folder={tmp_path}/run', f'touch={tmp_path}/step', 'checkpoint_seconds=1000')
    until = time.monotonic()+120
    while not (tmp_path/'step').exists() and time.monotonic() < until: time.sleep(.05)
    ranks[1].send_signal(signal.SIGTERM)
    said = [p.communicate(timeout=60)[1] for p in ranks]
    assert [p.returncode for p in ranks] == [130, 130], said
    lines = [next(l for l in s.splitlines() if l.startswith('stopped after step')) for s in said]
    assert lines[0] == lines[1] and f'resume={tmp_path}/run' in lines[0]
    step = int(lines[0].split()[3].strip(';'))
    assert sorted(p.name for p in (tmp_path/'run').iterdir()) == ['checkpoint-000000.pgolf', f'checkpoint-{step:06d}.pgolf']
