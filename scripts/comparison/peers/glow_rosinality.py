"""rosinality/glow-pytorch: its Glow with the loss of its train.py."""

import math

import torch

from comparison.peers.torch_peer import TorchPeer, dequantized, import_clone

PIXELS = 3 * 32 * 32


class Rosinality(TorchPeer):
    def __init__(self, case):
        super().__init__(case)
        import model

        # The width is not passed on to the couplings, and the last block ignores conv_lu: both are
        # defaults.
        model.AffineCoupling.__init__.__defaults__ = (
            case.sizes["width"],
            True,
        )  # filter_size, affine
        model.Block.__init__.__defaults__ = (True, True, False)  # split, affine, conv_lu
        self.model = model.Glow(3, case.sizes["depth"], 3, affine=True, conv_lu=False)
        self.optimize()

    def scores(self, x):
        log_p, log_det, _ = self.model(dequantized(x))
        return log_p + log_det.mean() - math.log(256) * PIXELS

    def loss(self, x):
        return -self.scores(x).mean() / (math.log(2) * PIXELS)

    def draws(self, count):
        return self.model.reverse(
            [torch.randn(count, *shape) for shape in ((6, 16, 16), (12, 8, 8), (48, 4, 4))]
        )


def build(case, clone):
    import_clone(clone)
    return Rosinality(case)
