"""Every registered model under every law that binds it; those of tracing are in test_tracing.py."""

import pytest

from bicameral.testing import parametrize_with_laws, tracing


@parametrize_with_laws()
def test_every_registered_model_obeys(law):
    if law.func in tracing.LAWS:
        pytest.skip("run without the type checks of the suite, in test_tracing.py")
    law()
