from tests.fake_facemesh import console, draw_image, fake_facemesh, film, tree

__all__ = ["console", "draw_image", "fake_facemesh", "film", "tree"]
