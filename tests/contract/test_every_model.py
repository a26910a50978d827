"""Every registered model under every law that binds it."""

import jaxtyping

from bicameral.testing import parametrize_with_laws, tracing


@parametrize_with_laws()
def test_every_registered_model_obeys(law, monkeypatch):
    if law.func in tracing.LAWS:  # what is traced cannot be checked while it runs
        monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    law()
