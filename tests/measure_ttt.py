"""Keep what test-time training gives the models of some runs: a line of nbs/ttt.jsonl for each recipe and run.

    python tests/measure_ttt.py TEXT BYTES runs/A runs/B runs/C         score the first BYTES of TEXT, one thread
"""
import copy, json, sys, time
from pathlib import Path
import numpy as np, torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from pgolf.chain import restore
from pgolf.ngram import Ngram, NgramConfig
from pgolf.score import Ledger, score_stream
from pgolf.sliding import Sliding, Workers
from pgolf.text import cut_at_document, read_documents
from pgolf.tokenizer import Tokenizer
from pgolf.ttt import TTTConfig, make_ttt

LORA = dict(recipe='lora', lora_rank=8, lora_alpha=16., lora_lr=.006)
RECIPES = {  # name -> settings of TTTConfig (None: no test-time training), and whether n-grams come on top; blocks of 4,096 but where the name says so
    'sliding': (None, False), 'sliding + n-grams': (None, True),
    'blocks, sgd 0.005, 3 epochs': (dict(optimizer='sgd', lr=.005, epochs=3), False),
    'blocks, adamw 0.0003': ({}, False),
    'phased, adamw 0.0003': (dict(recipe='phased', phases=3, phase_docs=3), False),
    'lora, chunk 64': (dict(LORA, lora_chunk=64), False), 'lora, chunk 32': (dict(LORA, lora_chunk=32), False),
    'lora, chunk 32, blocks of 16,384': (dict(LORA, lora_chunk=32), False),
    'lora, chunk 32 + n-grams': (dict(LORA, lora_chunk=32), True),
    'blocks + lora, chunk 32': (dict(LORA, lora_chunk=32, recipe='blocks+lora'), False)}

def measured(folder, docs):
    "A line for each recipe."
    model, _ = restore(folder/'model.pgolf')
    tok, seed = Tokenizer.load(next(folder.glob('tokenizer.*'))), json.loads((folder/'results.json').read_text())['seed']
    tokens, text = np.concatenate([[tok.bos_id, *tok.encode(d)] for d in docs]).astype(np.uint16), b''.join(docs)
    for name, (how, ngrams) in RECIPES.items():
        n_block, ledger = 16384 if '16,384' in name else 4096, Ledger(tokens, tok, text, n_vocab=model.cfg.vocab_size)
        p, n_blocks = Sliding(copy.deepcopy(model), 128, 32, workers=Workers(1)), -(-(len(tokens)-1)//n_block)
        cfg = TTTConfig(**{**dict(batch_seqs=8, epochs=1, optimizer='adamw', lr=3e-4, seq_len=128), **(how or {})})
        if how is not None: p = make_ttt(p, cfg, n_blocks, tok.bos_id)
        if ngrams: p = Ngram(p, model.cfg.vocab_size, NgramConfig())
        began = time.process_time()
        bpb = score_stream(p, tokens, ledger, n_block)
        yield dict(recipe=name, seed=seed, bpb=round(bpb, 5), secs_cpu=round(time.process_time()-began, 1), text_bytes=len(text), n_docs=len(docs))

if __name__ == '__main__':
    if len(sys.argv) < 4: sys.exit(__doc__)
    torch.set_num_threads(1)
    docs = cut_at_document(read_documents((sys.argv[1],)), int(sys.argv[2]))
    with open(ROOT/'nbs/ttt.jsonl', 'a') as f:
        for folder in sys.argv[3:]:
            for line in measured(Path(folder), docs): print(json.dumps(line), file=f, flush=True)
