"""Keep what a run measured: a line of nbs/measured.jsonl, from the run's own results.json.

    python tests/measure.py runs/NAME run 'built-in' 'pgolf run'                         a run of the whole chain
    python tests/measure.py runs/NAME trial 'matrix_lr 0.015' 'pgolf run steps=600 ...'  something tried

With a run of the chain goes what classic compressors make of the scored text after the very text that the run was trained on.
"""
import bz2, datetime, json, lzma, sys
from pathlib import Path
import numpy as np, pyppmd, zstandard
from pgolf.artifact import PRIMER
from pgolf.folder import Folder
from pgolf.settings import Settings
from pgolf.entry import shards_corpus

DEST = Path(__file__).resolve().parent.parent/'nbs/measured.jsonl'
KEYS = ('preset val_bpb baselines text_bytes tokens bytes seconds steps n_params tokens_per_sec peak_memory_bytes seed device versions '
        'val_sha256 config_hash').split()

def ppmd(data): # order 10 is the best of 6, 10 and 16 on the shared corpus
    e = pyppmd.Ppmd7Encoder(10, 1 << 30)
    return e.encode(data) + e.flush()

LONG = zstandard.ZstdCompressionParameters.from_level(22, window_log=27)
COMPRESSORS = { # each with a window over all of the text
    'xz -9e': lambda b: lzma.compress(b, filters=[dict(id=lzma.FILTER_LZMA2, preset=9|lzma.PRESET_EXTREME, dict_size=1 << 26)]),
    'zstd -22': lambda b: zstandard.ZstdCompressor(compression_params=LONG).compress(b), 'bzip2 -9': bz2.compress, 'PPMd, order 10': ppmd}

def informed(folder):
    "Bits per byte of the scored text by compressors that have read the training text before it."
    folder = Path(folder)
    told = json.loads((folder/'config.json').read_text())['values']
    vocab = next(folder.glob('tokenizer.*'))
    s = Settings(preset='cpu', data=str(folder/'shards'), vocab=str(vocab), val_bytes=str(told['val_bytes']['value']))
    corpus = shards_corpus(s, Folder('/dev/null', quiet=True, writes=False))
    tokens = np.concatenate(corpus.train)
    begins = [*np.flatnonzero(tokens == corpus.tok.bos_id), len(tokens)]
    before = b'\n\n'.join([corpus.tok.decode(tokens[a:b]) for a, b in zip(begins, begins[1:])] + [b''])
    text = b'\n\n'.join(corpus.docs)
    return {k: 8*(len(f(before+text))-len(f(before)))/len(text) for k, f in COMPRESSORS.items()}

def line(folder, kind, what, command):
    "The line for one run."
    results = json.loads((Path(folder)/'results.json').read_text())
    kept = dict(kind=kind, text=what if kind == 'run' else 'built-in', change=what if kind == 'trial' else '', command=command,
                date=datetime.date.today().isoformat(), **{k: results[k] for k in KEYS if k in results})
    parts = {p['part']: p['bytes'] for p in results['parts']}
    kept |= dict(bytes_primer=parts.get(PRIMER, 0))
    return kept | dict(informed=informed(folder)) if kind == 'run' else kept

if __name__ == '__main__':
    if len(sys.argv) != 5 or sys.argv[2] not in ('run', 'trial'): sys.exit(__doc__)
    with open(DEST, 'a') as f: print(json.dumps(line(*sys.argv[1:])), file=f)
