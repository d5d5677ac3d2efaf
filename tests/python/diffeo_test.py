"""scripts/diffeo.py against the program: python3 tests/python/diffeo_test.py (DIFFEO names another binary)."""

import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

try:
    import torch
except ImportError:
    torch = None

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import diffeo  # noqa: E402

IMAGES = """
data: {source: npy, path: %s, shape: [1, 4, 4], test_fraction: 0.25}
train: {steps: 6, batch_size: 8, log_every: 2, evaluate_every: 3, checkpoint_every: 3, ema_decay: 0.5, sample_temperatures: []}
flow: [{type: dequantize}, {type: logit}, {type: squeeze}, {type: actnorm}, {type: inv_conv}, {type: prior, learned: true}]
"""


class DiffeoTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        root = Path(cls.folder.name)
        cls.images = (np.arange(40 * 16) * 37 % 251).astype(np.uint8).reshape(40, 4, 4)
        np.save(root / "x.npy", cls.images)
        (root / "c.yaml").write_text(IMAGES % (root / "x.npy"))
        cls.root = root
        cls.trained = diffeo.train(root / "c.yaml", {"train.steps": 4}, run=root / "runs" / "a", quiet=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_a_run_tells_what_it_has(self):
        self.assertEqual([run.path for run in diffeo.runs(self.root / "runs")], [self.trained.path])
        self.assertEqual(self.trained.steps(), [3, 4])
        self.assertIn("steps: 4", self.trained.config)
        self.assertEqual(self.trained.summary["best"]["step"] in (3, 4), True)
        losses = self.trained.metrics("train")
        np.testing.assert_array_equal(losses["step"], [2, 4])
        self.assertTrue(np.isfinite(losses["nats"]).all())

    def test_weights_are_arrays_by_name(self):
        raw, average = self.trained.weights(average=False), self.trained.weights()
        self.assertEqual(set(raw), set(average))
        self.assertEqual(raw["flow.3_actnorm.norm.b"].size, 4)
        self.assertFalse(np.array_equal(raw["flow.3_actnorm.norm.b"], average["flow.3_actnorm.norm.b"]))
        self.assertEqual(set(self.trained.weights(3)), set(raw))

    def test_examples_come_with_their_labels_and_contexts(self):
        rows = np.random.default_rng(0).normal(size=(40, 5))
        table = "\n".join(",".join(map(str, row)) + "," + "ab"[i % 2] for i, row in enumerate(rows))
        (self.root / "t.csv").write_text("a,b,c,d,e,k\n" + table + "\n")
        (self.root / "t.yaml").write_text(
            "data: {source: csv, path: %s, test_fraction: 0.25, columns: [a, b], context: [c, d, e], label: k, classes: 2}\n"
            "train: {steps: 3, batch_size: 8}\n"
            "flow: [{type: actnorm}, {type: coupling, context: features, map: {type: affine}, net: {type: mlp}},\n"
            "       {type: prior, learned: true, classes: true}]\n" % (self.root / "t.csv"))
        run = diffeo.train(self.root / "t.yaml", run=self.root / "conditioned", quiet=True)
        labels = np.arange(40) % 2
        scores = run.score(rows[:, :2], labels=labels, context=rows[:, 2:])
        np.testing.assert_allclose(scores["nats"], run.score(split="all")["nats"], rtol=1e-5)
        few = run.evaluate(rows[:4:2, :2], labels=labels[:4:2], context=rows[:4:2, 2:])
        self.assertAlmostEqual(few["nats"], scores["nats"][:4:2].mean(), places=4)
        self.assertEqual(run.encode(rows[:3, :2], labels=labels[:3], context=rows[:3, 2:]).shape, (3, 2))

    def test_a_training_that_is_refused_says_why(self):
        for quiet in (True, False):
            with self.assertRaisesRegex(diffeo.DiffeoError, "did you mean 'train.steps'"):
                diffeo.train(self.root / "c.yaml", {"train.stps": 3}, quiet=quiet)

    def test_scores_agree_with_the_evaluation(self):
        scores = self.trained.score(split="train")
        self.assertEqual(len(scores["nats"]), 30)
        np.testing.assert_array_equal(scores["nats"], -(scores["log_det"] + scores["base"]))
        self.assertAlmostEqual(self.trained.evaluate(split="train")["nats"], scores["nats"].mean(), places=4)

    def test_arrays_go_in_and_come_back(self):
        codes = self.trained.encode(self.images)
        self.assertEqual(codes.shape, (40, 16))
        np.testing.assert_array_equal(self.trained.decode(codes), self.images)
        self.assertEqual(len(self.trained.score(self.images[:7])["nats"]), 7)

    @unittest.skipIf(torch is None, "needs PyTorch, which python3 does not have")
    def test_pytorch_opens_what_is_exported(self):
        self.trained.export(self.root / "flow.pt", precision="fp64")
        flow = torch.jit.load(str(self.root / "flow.pt"))
        for count in (1, 3, 40):
            x = torch.from_numpy(self.images[:count]).double().unsqueeze(1).requires_grad_()
            half = torch.full_like(x, 0.5)
            log_prob = flow.log_prob(x, half)
            slope, = torch.autograd.grad(log_prob.sum(), x)
            self.assertEqual((log_prob.shape, slope.shape), ((count,), x.shape))
            # encode puts whole numbers in the middle of their bins.
            codes = flow.encode(x, half).detach()
            np.testing.assert_allclose(codes, self.trained.encode(self.images[:count]), atol=1e-9)
            np.testing.assert_array_equal(flow.decode(codes).squeeze(1).numpy(), self.images[:count])

    def test_samples_follow_the_options(self):
        samples = self.trained.sample(5, temperature=0.5, seed=3)
        self.assertEqual((samples.shape, samples.dtype), ((5, 4, 4), np.uint8))
        np.testing.assert_array_equal(samples[:2], self.trained.sample(2, temperature=0.5, seed=3))

    def test_mistakes_say_what_the_program_said(self):
        with self.assertRaises(diffeo.DiffeoError) as caught:
            self.trained.sample(0)
        self.assertEqual(caught.exception.exit, 2)
        self.assertIn("--count: expected a whole number of at least 1, found '0'", str(caught.exception))
        with self.assertRaises(diffeo.DiffeoError):
            diffeo.Run(self.root / "none")


if __name__ == "__main__":
    unittest.main()
