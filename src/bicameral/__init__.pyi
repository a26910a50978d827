from .artifact import Artifact as Artifact
from .data.audit import audit as audit
from .data.read import read as read
from .estimators import Classifier as Classifier
from .estimators import Forecaster as Forecaster
from .estimators import Regressor as Regressor
from .probes import probe as probe
from .probes.recommend import recommend as recommend
from .studies.compare import compare as compare
from .studies.compare import extend as extend
from .studies.compare import resume as resume
from .studies.loaded import load_study as load_study
from .studies.verify import verify as verify
from .training.train import train as train

__version__: str
__all__: list[str]
