"""Predictors for the zoo. Each cheat is the smallest honest version of a class named in the field's rejections; each honest one
does something that has been mistaken for a cheat. CHEATS and HONEST: name -> (make, what it stands for)."""
import math
import numpy as np, torch
from torch.nn.functional import one_hot
from pgolf.ngram import Ngram
from pgolf.probes import Subject
from pgolf.score import Uniform, Unigram

V, N_BLOCK, BOS = 24, 96, 0

def make_stream(n=700, seed=0):
    "Documents of a small Markov source: BOS, then tokens that follow one another by a table."
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.full(V-1, .2), V)
    out = [BOS]
    while len(out) < n: out.append(BOS if rng.random() < .02 else 1+int(rng.choice(V-1, p=table[out[-1]])))
    return np.array(out, np.uint16)

STREAM = make_stream()
OTHER = make_stream(8000)[len(STREAM)+100:] # of the same source, and nothing of the stream in it
def long(block): return torch.from_numpy(block.tokens.astype(np.int64))
def targets(block): return long(block)[block.start:]
def hot(block): return one_hot(targets(block), V).double()

class Bigram:
    "A fixed table of logits by the token before, as a frozen model."
    def __init__(self, seed=0, bos=True): self.table = torch.randn(V, V, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    def score(self, block): return self.table[long(block)[block.start-1:-1]].log_softmax(-1)
    def update(self, block): pass

def nats(table, block): return -table[long(block)[block.start-1:-1]].log_softmax(-1).gather(1, targets(block)[:, None]).mean()

def trained(table, block, lr=20., epochs=1):
    "The table after gradient steps on a block."
    for _ in range(epochs):
        t = table.clone().requires_grad_(True)
        table = table - lr*torch.autograd.grad(nats(t, block), t)[0]
    return table

# ---- cheats and mistakes -----------------------------------------------------------------------------------------------------------------

class HashedRatio(Bigram):
    "Counts of hashed n-grams, full over context, for whatever token is asked; blended with the model and never normalised."
    B = 64
    def __init__(self): super().__init__(); self.full, self.ctx = np.zeros(self.B), np.zeros(self.B)
    def keys(self, block, i): c = int(block.tokens[i-1])*36313; return c % self.B, [(c ^ x*27191) % self.B for x in range(V)]
    def score(self, block):
        p = super().score(block).exp()
        for r, i in enumerate(range(block.start, block.stop)):
            c, full = self.keys(block, i)
            if self.ctx[c] > 1: p[r] = .3*p[r] + .7*torch.from_numpy(np.minimum(self.full[full]/self.ctx[c], 1))
        return p.clamp_min(1e-9).log()
    def update(self, block):
        for i in range(block.start, block.stop):
            c, full = self.keys(block, i)
            self.ctx[c] += 1; self.full[full[int(block.tokens[i])]] += 1

class TargetInKey(Bigram):
    "The looked-up probability is given to the target, and the rest shared out so that the sum is one."
    def score(self, block):
        p, h = super().score(block).exp(), hot(block)
        q = (p*h).sum(-1, keepdim=True)*.5 + .4
        return (h*q + (1-h)*p*(1-q)/(1-(p*h).sum(-1, keepdim=True))).log()

class TwoPass(Bigram):
    "Counts of the whole validation stream, future and all, taken before the first score."
    def __init__(self, stream):
        counts = np.full((V, V), .1); np.add.at(counts, (stream[:-1], stream[1:]), 1)
        self.table = torch.from_numpy(counts).log()

class SelfInclusive(Unigram):
    "Counts that have the target in them already."
    def score(self, block):
        c = self.counts + hot(block).cumsum(0)
        return (c/c.sum(-1, keepdim=True)).log()

class PackedTables(Bigram):
    "Tables of training n-grams in the artifact, with the same ratio: a number for each token, and no distribution."
    def score(self, block):
        p = super().score(block).exp()
        return torch.maximum(p, (p.roll(1, -1)*3).clamp_max(.9)).log()

class TargetGate(Bigram):
    "The expert is chosen by what kind of token the target is."
    def score(self, block):
        start_of_word = (targets(block) % 3 == 0)[:, None]
        return torch.where(start_of_word, (self.table*2)[long(block)[block.start-1:-1]].log_softmax(-1), super().score(block))

class BosGate(TargetGate):
    "The same, and the kind has one member: the beginning of a document."
    def score(self, block):
        ends = (targets(block) == BOS)[:, None]
        return torch.where(ends, one_hot(torch.tensor(BOS), V)*5. - math.log(V-1+math.exp(5)), Bigram.score(self, block))

class ByteMixture(Bigram):
    "A byte model's p spread over the n bytes of each token as p^(1/n), mixed in."
    length = torch.arange(V) % 4 + 1
    def score(self, block): return (.5*super().score(block).exp() + .5*(1/256.)**(1/self.length.double())).log()

class BestOfTwo(Bigram):
    "For every token whichever of two models says more."
    def __init__(self): super().__init__(); self.other = Bigram(1)
    def score(self, block): return torch.maximum(super().score(block), self.other.score(block))

class BucketNormalised(Bigram):
    "Sums to one over the 8 buckets that tokens are hashed into, and each token gets its bucket's."
    def score(self, block):
        p = super().score(block).exp()
        bucket = torch.zeros(len(block), 8, dtype=p.dtype).index_add_(1, torch.arange(V) % 8, p)
        return bucket[:, torch.arange(V) % 8].log()

class Slot(Bigram):
    "A bias for the block, optimised on the very targets that are scored with it."
    def score(self, block):
        z, bias = self.table[long(block)[block.start-1:-1]], torch.zeros(V, dtype=torch.float64, requires_grad=True)
        for _ in range(3):
            loss = -(z+bias).log_softmax(-1).gather(1, targets(block)[:, None]).mean()
            with torch.no_grad(): bias -= 2*torch.autograd.grad(loss, bias)[0]
        return (z+bias).log_softmax(-1).detach()

class SlotFirstHalf(Bigram):
    "A bias fitted to the first half of the block, applied to all of it."
    def score(self, block):
        n = max(1, len(block)//2)
        bias = one_hot(targets(block)[:n], V).double().mean(0)
        return (self.table[long(block)[block.start-1:-1]] + bias).log_softmax(-1)

class TrainFirst(Bigram):
    "A gradient step on the block, then its score."
    def score(self, block): self.table = trained(self.table, block); return super().score(block)

class Rescored(Bigram):
    "Scores, trains for three epochs, and hands in the second score; then forgets, so that nothing shows afterwards."
    def score(self, block):
        kept, self.table = self.table, trained(self.table, block, epochs=3)
        logp, self.table = super().score(block), kept
        return logp

class FaintTrainFirst(Bigram):
    "The same with a step so small that a score hardly shows it."
    def score(self, block): self.table = trained(self.table, block, lr=.02); return super().score(block)

class BlockBias(Bigram):
    "The logit of each token raised by how often the block has it."
    def score(self, block): return (super().score(block) + hot(block).mean(0)).log_softmax(-1)

class NoMask(Bigram):
    "Attention without its mask: the row before leaks in from the right."
    def score(self, block):
        z = self.table[long(block)[block.start-1:-1]]
        return (z + .3*torch.cat((z[1:], z[-1:]))).log_softmax(-1)

class FarAhead(Bigram):
    "Looks not at the next token, but at the one forty places on."
    def score(self, block):
        h = hot(block)
        far = torch.cat((h[40:], torch.zeros(min(40, len(h)), V, dtype=h.dtype)))
        return (super().score(block) + far).log_softmax(-1)

class KnownEnd(Bigram):
    "Knows where in the block the document ends."
    def score(self, block):
        ends = torch.flip(torch.cummax(torch.flip((targets(block) == BOS).double(), [0]), 0).values, [0])
        bias = torch.zeros(V, dtype=torch.float64); bias[BOS] = -2
        return (super().score(block) + (1-ends)[:, None]*bias).log_softmax(-1)

class Temperature(Bigram):
    "Of three temperatures the one that suits the block best."
    def score(self, block):
        tries = [(self.table[long(block)[block.start-1:-1]]*b).log_softmax(-1) for b in (.5, 1, 2)]
        return min(tries, key=lambda l: -l.gather(1, targets(block)[:, None]).sum())

class LastRowOnly(Bigram):
    "Cheats in the last row of a block, where no later row can tell."
    def score(self, block):
        logp = super().score(block).clone()
        logp[-1] = (logp[-1] + 2*hot(block)[-1]).log_softmax(-1)
        return logp

class FirstRowOnly(Bigram):
    def score(self, block):
        logp = super().score(block).clone()
        logp[0] = (logp[0] + 2*hot(block)[0]).log_softmax(-1)
        return logp

class LaterBlocks(Slot):
    "Honest in the first blocks."
    def score(self, block): return Bigram.score(self, block) if block.start < 300 else super().score(block)

class LargeBlocks(Slot):
    "Honest in small blocks."
    def score(self, block): return Bigram.score(self, block) if len(block) < 65 else super().score(block)

class SingleTargets(Bigram):
    "Cheats only where a block has one target."
    def score(self, block):
        return super().score(block) if len(block) > 1 else (super().score(block) + 2*hot(block)).log_softmax(-1)

class EveryNinth(Bigram):
    "Looks at the target at every ninth position."
    def score(self, block):
        due = (torch.arange(block.start, block.stop) % 9 == 0)[:, None]
        return (super().score(block) + 2*hot(block)*due).log_softmax(-1)

class ByHeart(Bigram):
    "The validation text in the artifact, read off by position."
    def __init__(self, stream): super().__init__(); self.text = bytes(stream.astype(np.uint8))
    def score(self, block):
        known = torch.tensor(list(self.text[block.start:block.stop]))
        return (super().score(block) + one_hot(known, V)*3.).log_softmax(-1)

class Outlives(Bigram):
    "What it learns is kept by the class, so that every later run is a second pass."
    shared = None
    def __init__(self): super().__init__(); self.table = self.table if Outlives.shared is None else Outlives.shared
    def update(self, block): self.table = Outlives.shared = trained(self.table, block)

class Writes(Bigram):
    "Puts its favourite where the target stood."
    def score(self, block):
        logp = super().score(block)
        block.tokens[block.start:] = logp.argmax(-1).numpy()
        return logp

class ShortAlphabet(Bigram):
    "Leaves out tokens that never come."
    def score(self, block): return super().score(block)[:, :V-2].log_softmax(-1)

class MissingRow(Bigram):
    "Scores all but the last target."
    def score(self, block): return super().score(block)[:-1] if len(block) > 1 else super().score(block)

class RepeatedRows(Bigram):
    "Scores the block's last targets twice."
    def score(self, block): logp = super().score(block); return torch.cat((logp, logp[-2:]))

class AboveOne(Bigram):
    "Probabilities of which one is larger than 1 and the others negative: nothing a logarithm can say, so NaN."
    def score(self, block): logp = super().score(block).clone(); logp[:, 3] = float('nan'); return logp

class HalfSum(Bigram):
    "Adds up to more than one in a single row of each block."
    def score(self, block): logp = super().score(block).clone(); logp[len(block)//2] += .01; return logp

class StreamInside(Bigram):
    "Was handed the whole stream and looks one ahead."
    def __init__(self, stream): super().__init__(); self.stream = stream
    def score(self, block):
        ahead = torch.from_numpy(np.append(self.stream, 0)[block.start+1:block.stop+1].astype(np.int64))
        return (super().score(block) + one_hot(ahead, V)).log_softmax(-1)

COPY, TENSOR, LIST = STREAM.copy(), torch.from_numpy(STREAM.astype(np.int64)), (PADDING := [0]*400) + STREAM.tolist()

class OneInFifty(Bigram):
    "One position in fifty is too good to be true."
    def score(self, block):
        due = (torch.arange(block.start, block.stop) % 53 == 17)[:, None]
        return (super().score(block) + 2*hot(block)*due).log_softmax(-1)

class TraceAndRare(OneInFifty):
    "The same, and every question leaves a trace."
    def score(self, block): logp = super().score(block); self.table = self.table*.999; return logp

CHEATS = dict(
    two_pass_copy=(lambda: TwoPass(COPY), 'D: two-pass n-gram'), two_pass_tensor=(lambda: TwoPass(TENSOR.numpy()), 'D: two-pass n-gram'),
    two_pass_list=(lambda: TwoPass(np.array(LIST[400:])), 'D: two-pass n-gram'), trace_and_rare=(TraceAndRare, 'D: target in the lookup key'),
    rare=(OneInFifty, 'D: target in the lookup key'), ahead_copy=(lambda: StreamInside(COPY), 'C1: sees later tokens'),
    hashed_ratio=(HashedRatio, 'D: hash-collision n-gram, unnormalised'), target_in_key=(TargetInKey, 'D: target in the lookup key'),
    two_pass=(lambda: TwoPass(STREAM), 'D: two-pass n-gram'), two_pass_given=(lambda stream: TwoPass(stream), 'D: two-pass n-gram'),
    self_inclusive=(lambda: SelfInclusive(V), 'D: self-inclusive counts'), packed_tables=(PackedTables, 'D: packed tables with the same flaw'),
    target_gate=(TargetGate, 'D: gate thrown by the target'), bos_gate=(BosGate, 'D: gate thrown by the target'),
    byte_mixture=(ByteMixture, 'D: byte mixture spread as p^(1/n)'), best_of_two=(BestOfTwo, 'D: min over models'),
    bucket_normalised=(BucketNormalised, 'D: normalised over buckets'), block_bias=(BlockBias, 'D: logit bias from scored targets'),
    slot=(Slot, 'E: SLOT'), slot_first_half=(SlotFirstHalf, 'E: SLOT'), train_first=(TrainFirst, 'E: trains before scoring'),
    faint_train_first=(FaintTrainFirst, 'E: trains before scoring'), rescored=(Rescored, 'E: rescoring after training'),
    no_mask=(NoMask, 'C1: sees later tokens'), far_ahead=(FarAhead, 'C1: sees later tokens'), known_end=(KnownEnd, 'C1: sees later tokens'),
    temperature=(Temperature, 'C4: the better of several runs'), last_row=(LastRowOnly, 'D: target in the lookup key'),
    first_row=(FirstRowOnly, 'D: target in the lookup key'), later_blocks=(LaterBlocks, 'E: SLOT'), large_blocks=(LargeBlocks, 'E: SLOT'),
    single_targets=(SingleTargets, 'D: target in the lookup key'), every_ninth=(EveryNinth, 'D: target in the lookup key'),
    by_heart=(lambda: ByHeart(STREAM), 'C: validation text in the artifact'), outlives=(Outlives, 'C4: a second pass'),
    writes=(Writes, 'B: another text is scored'), short_alphabet=(ShortAlphabet, 'C2: not the whole alphabet'),
    missing_row=(MissingRow, 'B: tail dropped'), repeated_rows=(RepeatedRows, 'B: targets scored twice'),
    not_a_number=(AboveOne, 'C2: no distribution'), one_row_too_large=(HalfSum, 'C2: no distribution'),
    stream_inside=(lambda stream: StreamInside(stream), 'C1: sees later tokens'))

# ---- honest, though they look suspicious -------------------------------------------------------------------------------------------------

class Ttt(Bigram):
    "Test-time training: the score first, then the lesson."
    def update(self, block): self.table = trained(self.table, block, epochs=3)

class DocumentLora(Bigram):
    "A rank-one correction for each document, learnt from its own past alone, and dropped where the next begins."
    def score(self, block):
        rows, a = [], torch.zeros(V, dtype=torch.float64)
        first = max(np.flatnonzero(block.tokens[:block.start] == BOS), default=0)
        for i in range(first, block.stop-1):
            x, y = int(block.tokens[i]), int(block.tokens[i+1])
            if x == BOS: a = torch.zeros(V, dtype=torch.float64)
            logp = (self.table[x] + a).log_softmax(-1)
            if i+1 >= block.start: rows.append(logp)
            a = a + .2*(one_hot(torch.tensor(y), V) - logp.exp())
        return torch.stack(rows)

class Tilt(Bigram):
    "One token, the one that followed this context last, is made likelier; the rest pays for it."
    def score(self, block):
        logp = super().score(block).clone()
        for r, i in enumerate(range(block.start, block.stop)):
            seen = np.flatnonzero(block.tokens[:i-1] == block.tokens[i-1])
            if len(seen): h = int(block.tokens[seen[-1]+1]); logp[r, h] += 1.5; logp[r] = logp[r].log_softmax(-1)
        return logp

class LongestMatch(Tilt):
    "The same after two tokens, looked for in all that stands before."
    def score(self, block):
        logp, t = Bigram.score(self, block).clone(), block.tokens
        for r, i in enumerate(range(block.start, block.stop)):
            seen = np.flatnonzero((t[1:i-1] == t[i-1]) & (t[:i-2] == t[i-2])) + 2 if i > 2 else []
            if len(seen): logp[r, int(t[seen[-1]])] += 2; logp[r] = logp[r].log_softmax(-1)
        return logp

class OnlineMixture:
    "Two models, weighted by what each has paid so far in this block and before."
    def __init__(self): self.models, self.paid = (Bigram(0), Bigram(1)), np.zeros(2)
    def score(self, block):
        each = torch.stack([m.score(block) for m in self.models])
        cost = -each.gather(2, targets(block)[None, :, None].expand(2, -1, 1))[..., 0]
        before = torch.from_numpy(self.paid)[:, None] + cost.cumsum(1) - cost
        self.after = (before[:, -1] + cost[:, -1]).numpy()
        return torch.logsumexp(each + (-.1*before).log_softmax(0)[..., None], 0)
    def update(self, block): self.score(block); self.paid = self.after

class CountsInScore(Unigram):
    "Does its counting in `score`, not in `update`: a trace, and no harm."
    def score(self, block): logp = super().score(block); super().update(block); return logp
    def update(self, block): pass

class Noisy(Bigram):
    "A little noise in the model, from dice that are thrown anew each time."
    def score(self, block): return (super().score(block) + 1e-5*torch.from_numpy(np.random.default_rng().standard_normal((len(block), V)))).log_softmax(-1)

class Dice(Bigram):
    "Dropout that stays on: noise from torch's own dice."
    def score(self, block): return torch.nn.functional.dropout(self.table[long(block)[block.start-1:-1]], .1).log_softmax(-1)

class SharedMaximum(Bigram):
    "Subtracts the largest logit of the whole block, in 32 bits, before it exponentiates: rows differ in the last digit."
    def score(self, block):
        z = self.table[long(block)[block.start-1:-1]].float()
        return (z - z.max() + 30.1).exp().div((z - z.max() + 30.1).exp().sum(-1, keepdim=True)).log()

class HoldsStream(Bigram):
    "An adapter that was handed the stream, and reads no further than it may."
    def __init__(self, stream): super().__init__(); self.stream = stream
    def score(self, block): return self.table[torch.from_numpy(self.stream[block.start-1:block.stop-1].astype(np.int64))].log_softmax(-1)

class PastSlot(Bigram):
    "A bias fitted to what was scored before the block, and to nothing in it."
    def score(self, block):
        past = long(block)[max(0, block.start-50):block.start]
        return (super().score(block) + one_hot(past, V).double().mean(0)).log_softmax(-1)

class Reset(Unigram):
    "Counts that begin anew with each document."
    def score(self, block):
        out, c = [], None
        first = max(np.flatnonzero(block.tokens[:block.start] == BOS), default=0)
        for i in range(first, block.stop):
            if i >= block.start: out.append((c/c.sum()).log())
            if block.tokens[i] == BOS: c = torch.full((V,), .5, dtype=torch.float64)
            c = c.clone(); c[int(block.tokens[i])] += 1
        return torch.stack(out)

class ChunkEnds(Ttt):
    "Learns only from every second block, with a rate that falls: state that depends on where blocks end."
    def __init__(self): super().__init__(); self.i = 0
    def update(self, block):
        self.i += 1
        if self.i % 2: self.table = trained(self.table, block, lr=20/self.i)

class Sharp(Bigram):
    "So sure of itself that most entries are zero in 32 bits."
    def score(self, block): return (super().score(block).float()*40).log_softmax(-1)

class Zeros(Bigram):
    "Says of some tokens that they cannot come; minus infinity is a fair answer."
    def score(self, block): z = self.table[long(block)[block.start-1:-1]].clone(); z[:, V-1] = -math.inf; return z.log_softmax(-1)

class InNumpy(Bigram):
    "Returns an array, in 32 bits."
    def score(self, block): return super().score(block).numpy().astype(np.float32)

class KnowsLanguage(Bigram):
    "Very good because it was trained well, on other text from the same source."
    def __init__(self):
        other = OTHER
        counts = np.full((V, V), .1); np.add.at(counts, (other[:-1], other[1:]), 1)
        self.table = torch.from_numpy(counts).log()

HONEST = dict(
    uniform=(lambda: Uniform(V), 'knows nothing'), unigram=(lambda: Unigram(V), 'counts within the block'), ttt=(Ttt, 'test-time training'),
    document_lora=(DocumentLora, 'LoRA for each document'), tilt=(Tilt, 'single-token tilt'), longest_match=(LongestMatch, 'copies its past'),
    ngram=(lambda: Ngram(Bigram(), V), 'n-gram mixing'), ngram_ttt=(lambda: Ngram(Ttt(), V), 'n-gram mixing over test-time training'),
    online_mixture=(OnlineMixture, 'weights learnt from past losses'), counts_in_score=(lambda: CountsInScore(V), 'state that moves in score'),
    noisy=(Noisy, 'dice of its own'), dice=(Dice, 'dropout'), shared_maximum=(SharedMaximum, 'rounding that depends on the block'),
    holds_stream=(lambda stream: HoldsStream(stream), 'was handed the stream'), holds_array=(lambda: HoldsStream(STREAM), 'holds the stream'),
    past_slot=(PastSlot, 'bias fitted to the past'), reset=(lambda: Reset(V), 'document reset'), chunk_ends=(ChunkEnds, 'a schedule over blocks'),
    sharp=(Sharp, 'nearly certain'), zeros=(Zeros, 'tokens ruled out'), in_numpy=(InNumpy, 'arrays'), knows_language=(KnowsLanguage, 'trained well'))

# ---- the same in other clothes -----------------------------------------------------------------------------------------------------------

TUPLE, TEXT, BY_PLACE = tuple(STREAM.tolist()), ''.join(map(chr, STREAM)), dict(enumerate(STREAM.tolist()))

class AheadIn(Bigram):
    "Looks one ahead in whatever holds the stream."
    def __init__(self, held): super().__init__(); self.held = held
    def at(self, i): return 0 if i >= len(self.held) else ord(self.held[i]) if isinstance(self.held, str) else int(self.held[i])
    def score(self, block):
        ahead = torch.tensor([self.at(i) for i in range(block.start+1, block.stop+1)])
        return (super().score(block) + one_hot(ahead, V)).log_softmax(-1)

class OfClass(AheadIn):
    "The stream is the class's."
    kept = STREAM.copy()
    def __init__(self): super().__init__(self.kept)

class NinthOfPair(Bigram):
    "Inputs and targets in two arrays, as trainers have them; every ninth target is looked at."
    def __init__(self, stream): super().__init__(); self.x, self.y = stream[:-1].copy(), stream[1:].copy()
    def score(self, block):
        due = (torch.arange(block.start, block.stop) % 9 == 0)[:, None]
        known = torch.from_numpy(self.y[block.start-1:block.stop-1].astype(np.int64))
        return (super().score(block) + 2*one_hot(known, V).double()*due).log_softmax(-1)

class PairOfPast(Bigram):
    "The same two arrays, and only inputs are read."
    def __init__(self, stream): super().__init__(); self.x, self.y = stream[:-1].copy(), stream[1:].copy()
    def score(self, block): return self.table[torch.from_numpy(self.x[block.start-1:block.stop-1].astype(np.int64))].log_softmax(-1)

class ReadsPast(AheadIn):
    "No further than it may, in whatever holds the stream."
    def score(self, block): return self.table[torch.tensor([self.at(i) for i in range(block.start-1, block.stop-1)])].log_softmax(-1)

def once(kind): # of predictors that refuse to be asked twice about a block
    class Once(kind):
        scored = 0
        def score(self, block):
            if block.start <= self.scored: raise RuntimeError('this block was scored already')
            self.scored = block.start
            return super().score(block)
    return Once

class OwnBlocks(Slot):
    "Takes blocks of one size, and fits a bias to them."
    def score(self, block): assert len(block) in (N_BLOCK, (len(STREAM)-1) % N_BLOCK); return super().score(block)

CHEATS |= dict(
    ahead_tuple=(lambda: AheadIn(TUPLE), 'C1: sees later tokens'), ahead_text=(lambda: AheadIn(TEXT), 'C1: sees later tokens'), ahead_dict=(lambda: AheadIn(BY_PLACE), 'C1: sees later tokens'),
    of_class=(OfClass, 'C1: sees later tokens'), ninth_of_pair=(lambda stream: NinthOfPair(stream), 'D: target in the lookup key'),
    slot_once=(once(Slot), 'E: SLOT'), own_blocks=(OwnBlocks, 'E: SLOT'))

HONEST |= dict(
    past_of_tuple=(lambda: ReadsPast(TUPLE), 'holds the stream'), past_of_text=(lambda: ReadsPast(TEXT), 'holds the stream'), past_of_dict=(lambda: ReadsPast(BY_PLACE), 'holds the stream'),
    pair_of_past=(lambda stream: PairOfPast(stream), 'was handed the stream'), answers_once=(once(Bigram), 'answers once'))

def subject(make): return Subject(make, STREAM, V, N_BLOCK, BOS)
