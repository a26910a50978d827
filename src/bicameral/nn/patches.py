"""Space to depth: squares of pixels become channels, and back."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from bicameral.nn.masking import Lengths
from bicameral.nn.recurrent import Recurrent


class Patches(Recurrent[tuple]):
    """Every frame cut into patches, the last ones filled with zeros; no state.

    A patch is never larger than the frame, so that a one-pixel map stays one.
    """

    def __init__(self, num_inputs: int, size: tuple[int, int], side: int):
        super().__init__()
        self.stride = (min(side, size[0]), min(side, size[1]))
        self.width = num_inputs * self.stride[0] * self.stride[1]
        self.size = (-(-size[0] // self.stride[0]), -(-size[1] // self.stride[1]))  # in patches

    def initial_state(self, x_t: Float[Tensor, "b c h w"]) -> tuple:  # noqa: ARG002
        return ()

    def output_like(self, x_t: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d y x"]:
        return cut(x_t, self.stride)

    def scan(
        self,
        x: Float[Tensor, "b t c h w"],
        state: tuple,
        lengths: Lengths,  # noqa: ARG002
    ) -> tuple[Float[Tensor, "b t d y x"], tuple]:
        return cut(x.flatten(0, 1), self.stride).unflatten(0, x.shape[:2]), state


def cut(x: Float[Tensor, "n c h w"], stride: tuple[int, int]) -> Float[Tensor, "n d y x"]:
    """Turn patches of `stride` pixels into channels, those of one input channel side by side."""
    tall, wide = stride
    x = functional.pad(x, (0, -x.shape[3] % wide, 0, -x.shape[2] % tall))
    cells = x.unflatten(3, (-1, wide)).unflatten(2, (-1, tall))  # n c y tall x wide
    return cells.permute(0, 1, 3, 5, 2, 4).flatten(1, 3)


def joined(
    y: Float[Tensor, "n d y x"], stride: tuple[int, int], size: tuple[int, int]
) -> Float[Tensor, "n c h w"]:
    """Undo `cut`: frames of `size` pixels."""
    tall, wide = stride
    cells = y.unflatten(1, (-1, tall, wide)).permute(0, 1, 4, 2, 5, 3)
    return cells.flatten(4, 5).flatten(2, 3)[..., : size[0], : size[1]]
