"""distrax: split couplings with haiku's networks, as in its example of a flow."""

import distrax
import haiku
import jax
import optax

from comparison.peers.jax_peer import JaxPeer


def network(outputs, numbers, width, depth):
    return haiku.Sequential(
        [
            haiku.nets.MLP([width] * depth, activate_final=True),
            haiku.Linear(outputs * numbers, w_init=jax.numpy.zeros, b_init=jax.numpy.zeros),
            haiku.Reshape((outputs, numbers), preserve_dims=-1),
        ]
    )


def affine(numbers):
    return distrax.Block(distrax.ScalarAffine(shift=numbers[..., 0], log_scale=numbers[..., 1]), 1)


def spline(bound):
    return lambda numbers: distrax.Block(
        distrax.RationalQuadraticSpline(
            numbers, range_min=-bound, range_max=bound, boundary_slopes="identity"
        ),
        1,
    )


def flow_of(case):
    sizes = case.sizes
    half = sizes["columns"] // 2
    if case.kind == "spline":
        bijector, numbers, depth = spline(sizes["bound"]), 3 * sizes["bins"] + 1, 3
    else:
        bijector, numbers, depth = affine, 2, 2
    layers = [
        distrax.SplitCoupling(
            split_index=half,
            event_ndims=1,
            swap=bool(i % 2),
            bijector=bijector,
            conditioner=network(half, numbers, sizes["width"], depth),
        )
        for i in range(sizes["transforms"])
    ]
    zeros = jax.numpy.zeros(sizes["columns"])
    base = distrax.Independent(distrax.Normal(zeros, zeros + 1), reinterpreted_batch_ndims=1)
    return distrax.Transformed(base, distrax.Inverse(distrax.Chain(layers)))


class Distrax(JaxPeer):
    def __init__(self, case):
        super().__init__(case)
        density = haiku.without_apply_rng(haiku.transform(lambda x: flow_of(case).log_prob(x)))
        draw = haiku.without_apply_rng(
            haiku.transform(
                lambda key, count: flow_of(case).sample(seed=key, sample_shape=(count,))
            )
        )
        self.parts = density.init(jax.random.key(0), self.batch())
        optimizer = optax.adam(1e-3)
        self.state = optimizer.init(self.parts)

        @jax.jit
        def update(parts, state, x):
            loss, gradient = jax.value_and_grad(lambda p: -density.apply(p, x).mean())(parts)
            updates, state = optimizer.update(gradient, state)
            return optax.apply_updates(parts, updates), state, loss

        self.update = update
        self.score = jax.jit(density.apply)
        self.draw = jax.jit(draw.apply, static_argnums=2)


def build(case, clone):
    return Distrax(case)
