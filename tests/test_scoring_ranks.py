"""No score may depend on the number of processes: real ones, joined by gloo, give what a single one gives.

    python tests/test_scoring_ranks.py RANK WORLD FILE OUT        one rank of WORLD, met at FILE; leaves OUT.RANK
"""
import subprocess, sys
from pathlib import Path
import numpy as np, pytest, torch, torch.distributed as dist

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from pgolf.model import GPT, ModelConfig
from pgolf.score import blocks
from pgolf.sliding import Sliding, Workers
from pgolf.ttt import TTTConfig, make_ttt

class Ranks:
    "As much of torch.distributed as scoring needs, written here once more so that it is checked apart from the project's own."
    def __init__(self, rank, world, file):
        self.rank, self.world = rank, world
        dist.init_process_group('gloo', init_method=f'file://{file}', rank=rank, world_size=world)

    def all_gather(self, t):
        n = [torch.zeros(1, dtype=torch.int64) for _ in range(self.world)]
        dist.all_gather(n, torch.tensor([len(t)]))
        padded = torch.zeros(max(map(int, n)), *t.shape[1:])
        padded[:len(t)] = t
        out = [torch.zeros_like(padded) for _ in n]
        dist.all_gather(out, padded)
        return [o[:int(k)] for o, k in zip(out, n)]

    def mean_(self, tensors):
        for t in tensors: dist.all_reduce(t); t /= self.world

BOS, STREAM = 31, np.random.default_rng(0).integers(0, 31, 175).astype(np.uint16)
STREAM[[0, 20, 21, 40, 50, 80, 150]] = BOS
LESSONS = {  # blocks of 50 are 5 rows of 9 and batches of 4 and 1: a rank of two or three is left without a row
    'sgd': dict(lr=.01, epochs=2, batch_seqs=4, seq_len=9, grad_clip=.5),
    'adamw, frozen, adaptive': dict(lr=.003, optimizer='adamw', epochs=1, batch_seqs=4, seq_len=9, freeze_blocks=1, adaptive=True),
    'few rows': dict(lr=.01, epochs=1, batch_seqs=8, seq_len=9, max_seqs=2),
    'phased': dict(recipe='phased', lr=.01, epochs=1, batch_seqs=4, seq_len=9, phases=2, phase_docs=2),
    'lora': dict(recipe='lora', lora_lr=.003, lora_rank=2, lora_alpha=2., lora_chunk=5),  # blocks of 50 hold one to three documents: ranks of three are left without one
    'blocks+lora': dict(recipe='blocks+lora', lr=.01, epochs=1, batch_seqs=4, seq_len=9, lora_lr=.003, lora_rank=2, lora_alpha=2., lora_on='q,up')}

def fold(predictor, n_block): # all distributions, in order
    out = []
    for block in blocks(STREAM, n_block): out.append(predictor.score(block)); predictor.update(block)
    return torch.cat(out)

def scores(ranks): # name -> distributions or weights
    torch.set_num_threads(1)
    def sliding():
        torch.manual_seed(4) # from some others Adam meets a gradient that is zero but for rounding, and makes a step of it
        model = GPT(ModelConfig(vocab_size=32, num_layers=3, model_dim=32, num_heads=2, num_kv_heads=1, bigram_vocab_size=16, bigram_dim=8,
                                xsa_last_n=1, rope_dims=8, ve_dim=8, ve_layers='1,2'))
        for p in model.parameters(): p.data.add_(.1*torch.randn_like(p))
        return Sliding(model, 24, 7, n_batch=3, workers=Workers(1), ranks=ranks)
    out = {f'sliding, blocks of {n}': fold(sliding(), n) for n in (1, 40, 175)}  # a block of one target is one window
    for name, how in LESSONS.items():
        ttt = make_ttt(sliding(), TTTConfig(**how), -(-(len(STREAM)-1)//50), BOS)
        out[name] = fold(ttt, 50)
        out[f'{name}: weights'] = torch.cat([p.detach().flatten() for p in ttt.sliding.model.parameters()])
    return out

@pytest.fixture(scope='module')
def alone(): return scores(None)

@pytest.mark.parametrize('world', [1, 2, 3])
def test_same_scores_at_any_world_size(alone, world, tmp_path):
    words = [str(world), str(tmp_path/'meet'), str(tmp_path/'scores')]
    children = [subprocess.Popen([sys.executable, __file__, str(r), *words]) for r in range(world)]
    try: assert [c.wait(timeout=400) for c in children] == [0]*world
    finally: [c.kill() for c in children]
    of_rank = [torch.load(tmp_path/f'scores.{r}', weights_only=True) for r in range(world)]
    for name, want in alone.items():
        assert want.shape == of_rank[0][name].shape
        for got in of_rank: torch.testing.assert_close(got[name], want, rtol=0, atol=1e-6 if world > 1 else 0, msg=lambda m: f'{name}: {m}')
        for got in of_rank[1:]: assert torch.equal(got[name], of_rank[0][name]), f'{name}: the ranks have drifted apart'

def test_lessons_change_the_scores(alone):
    "Otherwise equality of the above would say nothing."
    for name in LESSONS: assert (alone[name]-alone['sliding, blocks of 175']).abs().max() > 1e-2

if __name__ == '__main__':
    rank, world, file, out = sys.argv[1:]
    torch.save(scores(Ranks(int(rank), int(world), file)), f'{out}.{rank}')
