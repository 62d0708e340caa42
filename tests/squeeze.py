"""What each way of rounding costs: python tests/squeeze.py FOLDER...  writes a line a way and seed to nbs/squeezed.jsonl.

A folder is that of a finished `pgolf train` on shards; its last checkpoint holds the weights. The lines that are kept come from

    pgolf tokenize --docs all.jsonl --vocab pgolf/default.vocab --val-docs 352 --out shards
    pgolf train data=shards vocab=pgolf/default.vocab num_layers=4 model_dim=384 num_heads=6 num_kv_heads=3 xsa_last_n=2 ve_dim=128 \
        ve_layers=2,3 bigram_dim=128 train_batch_tokens=4096 train_seq_len=256 muon_momentum_warmup_steps=100 \
        val_bytes=65536 ttt_enabled=0 ngram_enabled=0 seconds=720 seed=1 out=seed1

where all.jsonl is docs_val.jsonl followed by docs_train_small.jsonl; the same for seeds 2 and 3. A line a seed has the
coded bits a weight of each kind of matrix, at every step that a fit tries, by rows, and as the fit leaves them where no cap binds: what `pgolf size` reckons with,
together with --only bits of runs of the `cpu` preset on the shared corpus, seeds 1337, 1 and 2."""
import argparse, json, time
from dataclasses import replace
from pathlib import Path
import numpy as np, torch
from pgolf.ranks import Ranks
from pgolf.score import Ledger, score_stream
from pgolf.coder import entropy_bits
from pgolf.quantize import LARGEST, QuantConfig, dequantise_tensor, quantise_state, record_quant, round_mantissa, split_banks
from pgolf.refine import BITS_FACTORS, correction, refine_tensor
from pgolf.sense import expected_rise, one_term
from pgolf.artifact import PRIMER, own_model, pack_quantised
from pgolf.settings import Settings
from pgolf.folder import Folder
from pgolf.sliding import Sliding, Workers
from pgolf.fit import LEVELS, choose, curve, fit, measured_level, quantise_step
from pgolf.bytes import bytes_by_part
from pgolf.size import KINDS, kind_of
from pgolf.squeeze import calibration
from pgolf.chain import batches, build_model, revive, weights_of
from pgolf.entry import shards_corpus

PATHS = 'text', 'val', 'data', 'vocab', 'out', 'resume' # settings that are no business of others

def ways(state, terms, own, size_of, only):
    "name -> stored model; the fitted ones at the bytes of the record's policy, and at two thirds of them; own: measured on text of the model's own."
    at = size_of(by_record := quantise_state(state, record_quant(20)))
    for name, cap in ('fit, own text', at), ('fit to two thirds, own text', 2*at//3): yield name, fit(state, own, cap, size_of)[0]
    if only == 'own': return
    yield 'record', by_record
    yield 'int6 by rows', quantise_state(state, QuantConfig())
    by_gptq, banks = quantise_state(state, QuantConfig()), split_banks(state)
    for k in terms:
        if k in by_gptq: by_gptq[k] = refine_tensor(banks[k], by_gptq[k].scheme, QuantConfig(), one_term(terms[k])[1])
    yield 'int6 by GPTQ', by_gptq
    for name, cap in ('fit', at), ('fit to int6', size_of(by_gptq)), ('fit to two thirds', 2*at//3): yield name, fit(state, terms, cap, size_of)[0]

def bits(state, terms, pack):
    "kind of matrix -> coded bits a weight at each of LEVELS, then by rows; and the bytes of the whole files."
    by_rows, banks, workers = quantise_state(state, QuantConfig()), split_banks(state), Workers()
    names = [k for k, q in by_rows.items() if k in terms and q.values.ndim == 2 and q.scheme in LARGEST]
    stored = [by_rows | dict(zip(names, workers.map(lambda k: quantise_step(banks[k], terms[k], level), names))) for level in LEVELS]
    out, n_bytes = {}, []
    for data in map(pack, [*stored, by_rows]):
        sums = {}
        for r in bytes_by_part(data):
            if r['part'] in names:
                n, b = sums.get(kind_of(r['part']), (0, 0))
                sums[kind_of(r['part'])] = n + banks[r['part']].numel(), b + 8*r['bytes']
        for k, (n, b) in sums.items(): out.setdefault(k, []).append(round(b/n, 3))
        n_bytes.append(len(data))
    return dict(bits=out, bytes=n_bytes)

def rank_one(w, terms, level):
    "As `measured_level`, the error mended along the direction in which the inputs are largest."
    rows, curvature = one_term(terms)
    right, pull, rest = correction(curvature, 1)
    q = quantise_step(w, [(rows, rest.float())], level)
    q = replace(q, left=round_mantissa((w.float()-dequantise_tensor(q).float()).double()@pull, BITS_FACTORS), right=right)
    n_bytes = (entropy_bits(q.values.numpy()) + (BITS_FACTORS+6)*sum(w.shape))/8 # sign and exponent beside the mantissa
    return q, n_bytes, expected_rise(dequantise_tensor(q).float()-w.float(), terms)

def mended(state, terms):
    "bits a weight -> expected rise in nats a token of a fit to so many bytes: as it is, and with `rank_one` where that is cheaper."
    banks, workers, out = split_banks(state), Workers(), {}
    names = [k for k, q in quantise_state(state).items() if k in terms and q.values.ndim == 2 and q.scheme in LARGEST]
    def curves(measure):
        points = workers.map(lambda job: measure(banks[job[0]], terms[job[0]], job[1])[1:], [(k, level) for k in names for level in LEVELS])
        return [curve(points[i:i+len(LEVELS)]) for i in range(0, len(points), len(LEVELS))]
    plain, ranked = curves(measured_level), curves(rank_one)
    either = [tuple(map(np.concatenate, zip(a, b))) for a, b in zip(plain, ranked)]
    for bits in (5, 4, 3.3, 2.4, 1.8):
        def rise(all_curves): return sum(c[1][i] for c, i in zip(all_curves, choose(all_curves, bits/8*sum(banks[k].numel() for k in names))[0]))
        out[bits] = [round(float(rise(c)), 6) for c in (plain, either)]
    return out

def free(folder):
    "The line for a run's own file, whose cap bound nothing: coded bits a weight of each kind as the fit left them."
    sums, rows = {}, bytes_by_part((folder/'model.pgolf').read_bytes())
    for r in rows:
        if r['scheme'] in LARGEST and len(r['shape']) == 2 and kind_of(r['part']) in KINDS:
            n, b = sums.get(kind_of(r['part']), (0, 0))
            sums[kind_of(r['part'])] = n + r['shape'][0]*r['shape'][1], b + 8*r['bytes']
    settings = {k: v['value'] for k, v in json.loads((folder/'config.json').read_text())['values'].items() if k not in PATHS}
    return dict(run=folder.name, seed=settings['seed'], way='free', settings=settings, bits={k: round(b/n, 3) for k, (n, b) in sums.items()},
                bytes=sum(r['bytes'] for r in rows if r['part'] != PRIMER))

def table(folder, only):
    "Lines of one run; `only`: bits, free, own, rank, or '' for all but rank."
    if only not in ('own', 'rank'): yield free(folder)
    if only == 'free': return
    told = {k: v['value'] for k, v in json.loads((folder/'config.json').read_text())['values'].items() if k not in ('out', 'resume')}
    if (folder/'shards').exists(): told |= dict(text=(), val=(), data=str(folder/'shards'), vocab=str(next(folder.glob('tokenizer.*'))))
    s = Settings(**told, out='')
    s.run.calibration_tokens = 65536
    corpus, alone = shards_corpus(s, Folder('/dev/null', quiet=True, writes=False)), Ranks.alone()
    model = build_model(s, corpus.tok.bos_id, torch.device('cpu'))
    state, step = weights_of(folder, model)
    began, rows = time.perf_counter(), batches(s, corpus, alone)
    terms = calibration(s, model, rows, alone)(state)
    calibrated = time.perf_counter()-began
    if only == 'rank':
        rows.close()
        yield dict(run=folder.name, seed=s.run.seed, way='rank 1', rises=mended(state, terms))
        return
    s.run.calibration_text, began = 'own', time.perf_counter()
    own = calibration(s, model, rows, alone)(state) if only != 'bits' else {}
    rows.close()
    written = time.perf_counter()-began
    config, text = {k: getattr(s.model, k) for k in vars(s.model)}, b''.join(corpus.docs)
    pack = lambda stored: pack_quantised(stored, config, corpus.tok)
    def score(model):
        score_stream(Sliding(model.eval(), s.train.train_seq_len, s.train.train_seq_len), corpus.tokens, ledger := Ledger(corpus.tokens, corpus.tok, text))
        return ledger.bpb()
    facts = dict(run=folder.name, seed=s.run.seed, steps=step, text_bytes=len(text), secs_calibration=round(calibrated, 1), secs_own=round(written, 1))
    settings = {k: v for k, v in told.items() if k not in PATHS}
    size_of = lambda stored: len(pack(stored))
    if only != 'own': yield dict(facts, way='bits', settings=settings, **bits(state, terms, pack))
    if only == 'bits': return
    if only != 'own': yield dict(facts, way='float32', bytes=4*sum(p.numel() for p in state.values()), bpb=score(model), secs=0)
    began = time.perf_counter()
    for name, stored in ways(state, terms, own, size_of, only):
        data, secs = pack(stored), time.perf_counter()-began
        yield dict(facts, way=name, bytes=len(data), bpb=score(revive(own_model(data), name)), secs=round(secs, 1))
        began = time.perf_counter()

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folders', nargs='+', type=Path)
    parser.add_argument('--only', choices=['bits', 'free', 'own', 'rank'], default='', help='bits: these lines alone, also for folders of `pgolf run`; '
                        'free: as the run itself was packed, which needs no checkpoint; own: fitted by text of the model\'s own; rank: what mending one direction would gain')
    a = parser.parse_args()
    torch.set_num_threads(1)
    with open(Path(__file__).parent.parent/'nbs/squeezed.jsonl', 'a') as out:
        for folder in a.folders:
            for line in table(folder, a.only):
                print(json.dumps(line), file=out, flush=True)
                if 'bpb' in line: print(f"{line['run']} {line['way']:<14}{line['bytes']:12,} bytes {line['bpb']:.5f} bits per byte {line['secs']:7.1f} s", flush=True)
                else: print(line, flush=True)
