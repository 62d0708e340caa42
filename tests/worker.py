"""One process of the trainings in test_ranks.py and test_resume.py; started by torchrun or alone.

    worker.py train OUT [KEY=VALUE ...]     KEY: loader, folder, resume, fail, hard, skew, pause, touch, qat, and any of TrainConfig
    worker.py clip OUT                      whether a step clips where its setting says
"""
import json, os, sys, time
from dataclasses import fields
from pathlib import Path
import numpy as np, torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from pgolf.loader import ShuffledRows
from pgolf.model import GPT, ModelConfig, nats_loss
from pgolf.muon import OptimConfig, optimizer_state
from pgolf.quantize import QuantConfig, make_rounding
from pgolf.ranks import RankFailed, ranks_of, together
from pgolf.schedule import TrainConfig
from pgolf.checkpoint import digest
from pgolf.entry import leave
from pgolf.step import Training, train_step
from pgolf.train import Interrupted, resume_training, train

SIZES = dict(vocab_size=32, num_layers=3, model_dim=32, num_heads=4, num_kv_heads=2, bigram_vocab_size=64, bigram_dim=16,
             xsa_last_n=1, rope_dims=4, ve_dim=16, ve_layers='1')
SEQ, ROWS = 32, 12

def text():
    "Tokens with a habit: after an even one comes the next odd one."
    even = 2*np.random.default_rng(0).integers(0, 16, 20000)
    return np.stack((even, even+1), 1).ravel().astype(np.uint16)

class Unequal(ShuffledRows):
    "The same rows in the same order, dealt unfairly: the first of several ranks gets none, the last most."
    def next_batch(self, global_tokens, seq_len, accum=1):
        n, d = global_tokens//seq_len//accum, self.dealer
        first, d.n_drawn = d.n_drawn, d.n_drawn + n
        cuts = [0] + [n*r*r//d.world**2 for r in range(1, d.world)] + [n]
        if d.world > 2: cuts[1] = 0
        starts = [self.order[first + k] for k in range(cuts[d.rank], cuts[d.rank+1])]
        spans = np.array([self.ring.span(s, seq_len+1) for s in starts], dtype=np.int64).reshape(-1, seq_len+1)
        return torch.from_numpy(spans[:, :-1]), torch.from_numpy(spans[:, 1:])

class Seen:
    "A loader that remembers what all ranks were given."
    def __init__(self, batches, ranks): self.batches, self.ranks, self.hashes = batches, ranks, []
    def next_batch(self, *args):
        x, y = self.batches.next_batch(*args)
        self.hashes += [hash(tuple(row.tolist())) for part in self.ranks.all_gather(x) for row in part]
        return x, y
    def state_dict(self): return self.batches.state_dict()
    def load_state_dict(self, state): self.batches.load_state_dict(state)

def training(ranks, given):
    "A small training of this rank; each rank begins with other weights, which must not matter."
    torch.manual_seed(ranks.rank)
    torch.set_num_threads(1)
    model = GPT(ModelConfig(**SIZES))
    kinds = {f.name: type(f.default) for f in fields(TrainConfig)}
    own = {k: (json.loads(v) if kinds[k] is not str else v) for k, v in given.items() if k in kinds}
    cfg = TrainConfig(**{**dict(train_batch_tokens=SEQ*ROWS, train_seq_len=SEQ, grad_accum=2, warmup_steps=0, schedule='share', checkpoint_seconds=0.,
                                max_wallclock_seconds=0., iterations=20, ema_decay=.9, warmdown_share=.8, late_qat_threshold=.5), **own})
    batches = dict(rows=ShuffledRows, unequal=Unequal)[given.get('loader', 'rows')](text(), SEQ, seed=0, rank=ranks.rank, world=ranks.world)
    skew = float(given.get('skew', 1)) if ranks.rank else 1.
    rounding = make_rounding(model.state_dict(), QuantConfig(small_elements=100)) if 'qat' in given else {}
    return Training(model, cfg, OptimConfig(muon_momentum_warmup_steps=20), Seen(batches, ranks), rounding, n_threads=1, ranks=ranks,
                    clock=lambda: skew*time.perf_counter())

def clip(out):
    "One step with each way of clipping, against a plain one: its gradients lie in the optimisers' memory."
    ranks = ranks_of('cpu', dict(os.environ))
    with together(ranks):
        for local in (True, False):
            given = dict(clip_local=json.dumps(local), grad_clip_norm='0.05', loader='unequal', grad_accum='1')
            run, plain = training(ranks, given), training(ranks, given)
            for r in (run, plain): ranks.broadcast_(list(r.model.state_dict().values()))
            x, y = plain.batches.next_batch(SEQ*ROWS, SEQ, 1)
            n_rows = [len(part) for part in ranks.all_gather(x)]
            nats = nats_loss(plain.model, x, y)*len(x)*ranks.world/sum(n_rows) if len(x) else sum(p.sum()*0 for p in plain.params)
            grads = [g.clone() for g in torch.autograd.grad(nats, plain.params)]
            def limit(): return min(1, .05/(sum(float(g.square().sum()) for g in grads)**.5 + 1e-6))
            if local: grads = [g*f for f in [limit()] for g in grads]
            ranks.mean_(grads)
            if not local: grads = [g*f for f in [limit()] for g in grads]
            train_step(run, 0., .9)
            kept = optimizer_state(run.optimizers, run.model.named_parameters())
            for (k, _), g in zip(run.model.named_parameters(), grads):
                felt = kept[f'exp_avg/{k}']/.1 if f'exp_avg/{k}' in kept else kept[f'momentum_buffer/{k}']
                assert (felt-g).abs().max() < 1e-6, f'{k}, clip_local={local}'
        Path(f'{out}.{ranks.rank}').write_text(json.dumps(dict(clipped=True)))
    ranks.close()

def main(command, out, *words):
    if command == 'clip': return clip(out)
    given = dict(w.split('=', 1) for w in words)
    ranks, log = ranks_of('cpu', dict(os.environ)), []
    fail_rank, fail_step = map(int, given.get('fail', '-1,0').split(','))
    def on_step(m):
        log.append(float(m['nats']))
        if 'pause' in given: time.sleep(float(given['pause']))
        if 'touch' in given and ranks.rank == 0: Path(given['touch']).write_text(str(m['step']))
        if (ranks.rank, m['step']) == (fail_rank, fail_step):
            if 'hard' in given: os._exit(9)
            raise ValueError('the oven is too hot')
    with together(ranks):
        run = training(ranks, given)
        if 'resume' in given: resume_training(run, given['resume'])
        state = train(run, on_step, given.get('folder'))
        same = ranks.all_gather(torch.cat([p.flatten() for p in run.model.state_dict().values()])[None])
        Path(f'{out}.{ranks.rank}').write_text(json.dumps(dict(
            world=ranks.world, nats=log, rows=run.batches.hashes, steps=run.step, secs=run.secs, digest=digest(state, None),
            apart=max(float((s-same[0]).abs().max()) for s in same), weights=[float(p.double().sum()) for p in state.values()])))
    ranks.close()

if __name__ == '__main__':
    try: main(*sys.argv[1:])
    except (RankFailed, Interrupted) as e:
        print(e, file=sys.stderr, flush=True)
        sys.exit(130 if isinstance(e, Interrupted) else 3)
    leave(0, os.environ)
