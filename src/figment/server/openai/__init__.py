"""OpenAI's Images interface, /v1/images, done by the models that are here."""

from figment.server.openai.errors import PREFIX, problem
from figment.server.openai.routes import router

__all__ = ["PREFIX", "problem", "router"]
