"""scikit-learn estimators over the models of the registry: arrays in, arrays out, trained in memory."""

from bicameral.estimators.forecaster import Forecaster
from bicameral.estimators.labelled import Classifier, Regressor

__all__ = ["Classifier", "Forecaster", "Regressor"]
