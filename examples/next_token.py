"""Learn a small language character by character, let the model write it, and compare with counting."""

import numpy as np

import bicameral

rng = np.random.default_rng(0)
NOUNS, VERBS = ("cat", "dog", "cow", "crow"), ("sees", "hears", "follows")


def sentence() -> str:
    """The end takes up the beginning: whoever writes the last noun must remember the first."""
    first, second, verb = rng.choice(NOUNS), rng.choice(NOUNS), rng.choice(VERBS)
    return f"the {first} {verb} the {second}, and the {second} never {verb} the {first}.\n"


text = bicameral.read(["".join(sentence() for _ in range(800))], answer="next")
options = {"context": 128}  # steps of a segment of training
for model, settings in (("frequencies", {}), ("ngram", {}), ("mingru", {"width": 64})):
    artifact = bicameral.train(
        text, model, folder=f"runs/{model}", budget="250steps", progress=False,
        overrides=settings, recipe={"learning_rate": 1e-2, "batch_size": 16}, data_options=options,
    )  # fmt: skip
    print(f"{model:<12} {artifact.card['test nats']:.3f} nats a character")

print(artifact.generate("the cow ", 160, temperature=0.5, seed=1))
