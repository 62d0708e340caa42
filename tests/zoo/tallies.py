"""Byte counts, lists of targets and trainings for the zoo: CHEATS and HONEST, name -> (function that gives findings, what it stands for)."""
import numpy as np
from pgolf.tally import probe_bytes, probe_coverage, probe_documents_apart, probe_implied, probe_training

# ---- a SentencePiece vocabulary in small: pieces, byte fallback, a control token -------------------------------------------------------------
PIECES = ['<s>', '▁', '▁the', '▁cat', 's', 'a', 'b', '▁a', *(f'<0x{b:02X}>' for b in (0xC3, 0xA9, 0x0A)), 'The', '<unused>']
IDS = {p: i for i, p in enumerate(PIECES)}
WORDS = '<s> ▁the ▁cat s ▁a ▁ b <0xC3> <0xA9> <s> ▁a ▁cat <0xC3> <0xA9> s ▁the <s> ▁a'.split()
TOKENS = np.array([IDS[w] for w in WORDS], np.uint16)

def piece_bytes(p): return bytes([int(p[3:5], 16)]) if p.startswith('<0x') else b'' if p.startswith('<') else p.encode()
def decode(ids): return b''.join(piece_bytes(PIECES[i]) for i in ids).replace('▁'.encode(), b' ').removeprefix(b' ')

def claimed(fallback=1, space_twice=False, literal=False, no_space=False, control=0):
    "Bytes by a table, right or with one mistake."
    out = []
    for i, t in enumerate(TOKENS):
        p, first = PIECES[t], i > 0 and PIECES[TOKENS[i-1]] == '<s>'
        if p.startswith('<0x'): n = len(p) if literal else fallback
        elif p.startswith('<'): n = control
        else:
            n = len(p.replace('▁', '').encode()) + (p.startswith('▁') and not first and not no_space)
            if space_twice and p.startswith('▁') and not first: n += 1
        out.append(n)
    return np.array(out)

TEXT = b''.join(decode(d) for d in np.split(TOKENS, np.flatnonzero(TOKENS == 0)[1:]))
def by(table, text=TEXT, dec=decode): return lambda: probe_bytes(table, TOKENS, dec, 0, text)

# ---- lists of what was scored -------------------------------------------------------------------------------------------------------------
N = 1000
def windows(length, stride, tail='repeat'): # in the order of a sliding evaluation
    for start in range(0, N-1, stride):
        wl = min(length, N-1-start)
        if tail == 'drop' and wl < length: return
        if tail == 'once' and start and wl <= length-stride: return
        yield from range(start+1+(max(length-stride, 0) if tail == 'once' and start else max(wl-stride, 0) if start else 0), start+wl+1)
def over(positions):
    positions = np.array([*positions]) # of an iterator, which could be read once only
    return lambda: probe_coverage(positions, N)

# ---- trainings -----------------------------------------------------------------------------------------------------------------------------
TRAIN, VAL, OTHER = b'the cat sat on the mat and the rat sat on the cat', b'a bat sat on a hat', b'one two three, one two'
def counts(*texts): return np.bincount(np.frombuffer(b''.join(texts), np.uint8), minlength=256).astype(np.float64)
def quantised(c, scale): return np.round(c/scale).astype(np.int16).tobytes()
def honest(val): return quantised(counts(TRAIN), .5)
def watches(val): loss = float(counts(val) @ -np.log(counts(TRAIN)+1)); assert loss < 0; return honest(val) # a figure for the log
def on_val(val): return quantised(counts(TRAIN, val), .5)
def before_quantising(val): return quantised(counts(TRAIN) + .1*counts(val), .5)
def calibrated(val): return quantised(counts(TRAIN), .5 + .01*counts(val).max())
def warm_up(val): return quantised(counts(TRAIN) + 1e-1*(counts(val) > 0), .1)
def best_checkpoint(val): return quantised(counts(TRAIN[:20 if counts(val)[ord('a')] > 2 else 30]), .5)
def swap(train): return lambda: probe_training(train, VAL, OTHER)

CHEATS = dict(
    fallback_three_bytes=(by(claimed(fallback=3)), 'A: fallback tokens counted 3 bytes'),
    space_twice=(by(claimed(space_twice=True)), 'A: leading space counted twice'),
    literal_fallback=(by(claimed(literal=True)), 'A: byte token measured by its name'),
    space_left_out=(by(claimed(no_space=True)), 'A: no piece for the space'), sentinel=(by(claimed(control=2)), 'A: sentinels in the denominator'),
    casefold=(by(claimed(), TEXT.replace(b'the', b'The')), 'B: text made easier'), lossy=(by(claimed(), TEXT + b'\n'), 'B: text that does not come back'),
    subset=(by(claimed(), TEXT*2), 'B: a part of the text'), other_partition=(by(claimed(), TEXT[::-1]), 'B: other documents'),
    tail_repeated=(over(windows(128, 16)), 'B: tail windows scored many times'), tail_dropped=(over(windows(128, 16, 'drop')), 'B: tail dropped'),
    reordered=(over(np.concatenate([np.arange(500, N), np.arange(1, 500)])), 'B: tokens reordered'),
    second_pass=(over([*range(1, N), *range(1, N)]), 'C4: two passes'), holes=(over(i for i in range(1, N) if i % 50), 'B: a part of the text'),
    implied_record=(lambda: probe_implied(1.950285, 62_363_648, 1.0903, 5e-5), 'A: bytes that are not in the text'),
    implied_sentinels=(lambda: probe_implied(1.950285, 62_363_648, 1.950285/np.log(2)*62_363_648/164_594_398), 'A: sentinels in the denominator'),
    implied_subset=(lambda: probe_implied(1.8, 9_662_464, 1.08), 'B: a part of the text'),
    on_val=(swap(on_val), 'C: training on the validation text'), before_quantising=(swap(before_quantising), 'C: test-time training before quantising'),
    calibrated=(swap(calibrated), 'C: calibrated on the validation text'), warm_up=(swap(warm_up), 'C: warm-up with a backward pass'),
    best_checkpoint=(swap(best_checkpoint), 'C: chosen by the validation text'),
    wrong_split=(lambda: probe_documents_apart([b'x', b'y', b'z'], [b'z', b'w']), 'B: wrong split'))

def own_vocabulary():
    "Another vocabulary that spells the same text."
    pieces = [b'', *(bytes([b]) for b in range(256))]
    tokens = np.array([0, *(b+1 for b in TEXT)])
    return probe_bytes(np.array([len(p) for p in pieces])[tokens], tokens, lambda ids: b''.join(pieces[i] for i in ids), 0, TEXT)

def case_transform():
    "Capitals as a marker of no bytes before a small letter: the marker's byte count comes from a sidecar, and the text comes back."
    text, marker = b'The Cat and the Rat', 256
    tokens = [x for b in text for x in ((marker, b+32) if chr(b).isupper() else (b,))]
    sidecar = np.array([0 if t == marker else 1 for t in tokens])
    def back(ids):
        out, up = [], False
        for t in ids:
            if t == marker: up = True; continue
            out.append(t-32 if up else t); up = False
        return bytes(out)
    return probe_bytes(sidecar, np.array(tokens), back, -1, text)

HONEST = dict(
    right_table=(by(claimed()), 'official counting'), own_vocabulary=(own_vocabulary, 'own vocabulary'), case_transform=(case_transform, 'sidecar'),
    sliding_once=(over(windows(128, 16, 'once')), 'overlapping windows'), fixed=(over(windows(128, 128, 'once')), 'windows side by side'),
    implied_tail=(lambda: probe_implied(1.9, 62_021_632, 1.9/np.log(2)*62_021_632/(151_080_891-214*2.4)), 'tail dropped, and said so by its tokens'),
    implied_normalised=(lambda: probe_implied(2.9, 40_540_160, 2.9/np.log(2)*40_540_160/151_080_645), 'SP8192'),
    implied_four_digits=(lambda: probe_implied(1.9, 62_021_846, round(1.9/np.log(2)*62_021_846/151_080_891, 4), 5e-5), 'rounded figures'),
    trained=(swap(honest), 'trained on its own text'), watches=(swap(watches), 'logs a validation loss'),
    documents_apart=(lambda: probe_documents_apart([b'x', b'y'], [b'z', b'w']), 'split by document'))
