"""Choose a model with scikit-learn's own tools: a pipeline inside a grid search."""

from sklearn.datasets import load_wine
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from bicameral import Classifier

X, y = load_wine(return_X_y=True)
pipeline = make_pipeline(SimpleImputer(), Classifier(max_iter=30, random_state=0))
grid = {"classifier__model": ["linear", "mlp"], "classifier__learning_rate": [3e-4, 3e-3]}

search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
print(search.best_params_, f"accuracy {search.best_score_:.3f}")
