"""What the peers that stand on PyTorch share."""

import pathlib
import re
import sys
import tempfile

import torch


class TorchPeer:
    """A peer gives `model` and loss(x); the rest where it is not the usual."""

    model = None

    def __init__(self, case):
        self.case = case

    def batch(self):
        size = (self.case.batch, *self.case.shape)
        return (
            torch.randint(0, 256, size, dtype=torch.uint8)
            if self.case.is_image
            else torch.randn(size)
        )

    def optimize(self, groups=None):
        self.optimizer = torch.optim.Adam(groups or self.model.parameters(), lr=1e-3)
        if self.case.is_image:  # on random bytes the larger Glows diverge without a warm-up
            self.warm_up = torch.optim.lr_scheduler.LinearLR(self.optimizer, 1e-3, 1, 1000)

    def parameters(self):
        return sum(p.numel() for p in self.model.parameters() if p.requires_grad)

    def clip(self):
        pass

    def step(self, x):
        self.model.train()
        self.optimizer.zero_grad()
        loss = self.loss(x)
        loss.backward()
        self.clip()
        self.optimizer.step()
        if self.case.is_image:
            self.warm_up.step()
        return loss.item()

    def loss(self, x):
        return -self.scores(x).mean()

    def log_prob(self, x):
        self.model.eval()
        with torch.no_grad():
            return self.scores(x)

    def sample(self, count):
        self.model.eval()
        with torch.no_grad():
            return self.draws(count)


def dequantized(x):
    image = x.float() / 256 - 0.5
    return image + torch.rand_like(image) / 256


def zeroed(layer):
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    return layer


# What PyTorch has come to refuse since these programs were written: views of what is not
# contiguous, and changes in place of what the gradient needs.
CURES = ((re.compile(r"\.view\("), ".reshape("), (re.compile(r"(\bq) \*= "), r"\1 = \1 * "))


def import_clone(clone, cured=False):
    """Makes the modules of a clone importable; `cured`, from a copy that today's PyTorch takes."""
    source = pathlib.Path(clone)
    if cured:
        source = pathlib.Path(tempfile.mkdtemp())
        for path in pathlib.Path(clone).rglob("*.py"):
            text = path.read_text()
            for old, new in CURES:
                text = old.sub(new, text)
            copy = source / path.relative_to(clone)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(text)
    sys.path.insert(0, str(source))
