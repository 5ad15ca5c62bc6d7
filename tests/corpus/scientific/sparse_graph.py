"""scipy sparse matrices, page rank, spatial trees, images, all in a Python loop."""
import numpy as np
from scipy import ndimage, sparse, spatial

rng = np.random.default_rng(3)
n = 2000
rows, cols = rng.integers(0, n, (2, 12000))
links = sparse.csr_matrix((np.ones(12000), (rows, cols)), shape=(n, n))
out = np.asarray(links.sum(axis=1)).ravel()
walk = sparse.diags(1 / np.maximum(out, 1)) @ links
rank = np.full(n, 1 / n)
points = rng.random((800, 2))
tree = spatial.cKDTree(points)
image = rng.random((64, 64))
for step in range(3000):
    rank = 0.85 * (walk.T @ rank) + 0.15 / n
    rank /= rank.sum()
    image = ndimage.gaussian_filter(image, 0.4, mode="wrap") + 0.01 * (image > 0.5)
    if step % 125 == 0:
        near = tree.query_ball_point(points[step % 800], 0.1)
        print(step, int(rank.argmax()), f"{rank.max():.10f} {image.mean():.8f}", len(near), flush=True)
print(sparse.linalg.norm(walk) if hasattr(sparse, "linalg") else 0)
