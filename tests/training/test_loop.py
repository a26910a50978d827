"""The loop against loops written by hand, and its ways to end."""

import torch

from bicameral.data.loader import batches
from bicameral.training import Budget, Recipe, derive, fit, seeded

PLAIN = Recipe(schedule="constant", warmup=0.0, clip=None, weight_decay=0.0, batch_size=9, restore_best=False)


def test_adam_by_hand_gives_the_same_weights_bit_for_bit(network, task, train, val, numbers):
    fitted, ours = network(), network()
    fit(fitted, task, train, val, recipe=PLAIN, budget=Budget(steps=4), seed=3)
    optimizer = torch.optim.AdamW(ours.parameters(), 1e-3, weight_decay=0.0, fused=True)
    with seeded(derive(3, "dropout", 0)):
        for batch in list(batches(train, 9, seed=derive(3, "order"), epoch=0))[:4]:
            loss = torch.nn.functional.cross_entropy(ours(batch.x), batch.y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    assert torch.equal(numbers(fitted), numbers(ours))
