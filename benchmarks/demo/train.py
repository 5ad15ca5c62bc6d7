"""Cross-validate three models on the handwritten digits, and train the best of them on everything.

An ordinary training script: it prints as it goes, appends every score to scores.csv and writes the
final weights to model.npz. It knows nothing of captures, kills or resumes.
"""

import csv
import hashlib

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

FOLDS = 4
EPOCHS = 32
BATCH = 32


def batches(count, rng):
    """Yield the shuffled row numbers of one epoch, a batch at a time."""
    order = rng.permutation(count)
    for start in range(0, count, BATCH):
        yield order[start : start + BATCH]


def train_network(model, X, y, epochs, rng, classes):
    """Yield the number of each epoch when it is done."""
    for epoch in range(1, epochs + 1):
        for rows in batches(len(X), rng):
            model.partial_fit(X[rows], y[rows], classes=classes)
        yield epoch


def score(model, X, y):
    """Return accuracy and cross-entropy."""
    return model.score(X, y), log_loss(y, model.predict_proba(X), labels=model.classes_)


def cross_validate(X, y, table):
    """Score every model on every fold; return the mean accuracy of each."""
    rng = np.random.default_rng(7)
    accuracies = {}
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=3)
    for fold, (train, test) in enumerate(folds.split(X, y), start=1):
        scaler = StandardScaler().fit(X[train])
        X_train, X_test = scaler.transform(X[train]), scaler.transform(X[test])

        for width in (64, 128):
            name = f"network-{width}"
            model = MLPClassifier((width,), learning_rate_init=0.002, random_state=fold)
            for epoch in train_network(model, X_train, y[train], EPOCHS, rng, np.unique(y)):
                accuracy, loss = score(model, X_test, y[test])
                table.writerow([fold, name, epoch, repr(float(accuracy)), repr(float(loss))])
                if epoch % 8 == 0:
                    print(f"{fold} {name:<11} {epoch:2} {accuracy:.4f} {loss:.6f}")
            accuracies.setdefault(name, []).append(accuracy)

        # One statement that computes for seconds inside the library.
        model = GradientBoostingClassifier(n_estimators=30, subsample=0.7, random_state=fold)
        model.fit(X_train, y[train])
        accuracy, loss = score(model, X_test, y[test])
        table.writerow([fold, "boosting", 30, repr(float(accuracy)), repr(float(loss))])
        print(f"{fold} boosting    30 {accuracy:.4f} {loss:.6f}")
        accuracies.setdefault("boosting", []).append(accuracy)
    return {name: float(np.mean(values)) for name, values in accuracies.items()}


def main():
    X, y = load_digits(return_X_y=True)
    print(f"{len(X)} digits of {X.shape[1]} pixels")
    print("fold, model, step, accuracy, loss")
    with open("scores.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["fold", "model", "step", "accuracy", "cross_entropy"])
        means = cross_validate(X, y, table)
    for name, mean in sorted(means.items(), key=lambda item: -item[1]):
        print(f"mean {name:<11} {mean:.6f}")

    X = StandardScaler().fit_transform(X)
    final = MLPClassifier((128,), learning_rate_init=0.002, random_state=0)
    for epoch in train_network(final, X, y, EPOCHS, np.random.default_rng(11), np.unique(y)):
        if epoch % 8 == 0:
            print(f"final {epoch:2} loss {final.loss_:.12f}")
    weights = [*final.coefs_, *final.intercepts_]
    np.savez("model.npz", *weights)
    digest = hashlib.sha256(b"".join(array.tobytes() for array in weights)).hexdigest()
    print(f"weights {digest[:24]}")


if __name__ == "__main__":
    main()
