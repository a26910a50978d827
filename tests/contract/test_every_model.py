"""Every registered model under every law that binds it."""

from bicameral.testing import parametrize_with_laws


@parametrize_with_laws()
def test_every_registered_model_obeys(law):
    law()
