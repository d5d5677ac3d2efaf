"""What the peers that stand on JAX share: every step, density and draw is one compiled function."""

import jax
import numpy


class JaxPeer:
    """A peer gives `parts`, what it trains, and update(), score(), draw() over them."""

    def __init__(self, case):
        self.case, self.key = case, jax.random.key(1)

    def batch(self):
        random = numpy.random.default_rng(0)
        return jax.numpy.asarray(
            random.standard_normal((self.case.batch, *self.case.shape), dtype=numpy.float32)
        )

    def parameters(self):
        return sum(array.size for array in jax.tree.leaves(self.parts))

    def step(self, x):
        self.parts, self.state, loss = self.update(self.parts, self.state, x)
        return loss.item()

    def log_prob(self, x):
        return jax.block_until_ready(self.score(self.parts, x))

    def sample(self, count):
        self.key, key = jax.random.split(self.key)
        return jax.block_until_ready(self.draw(self.parts, key, count))
