"""Language models over HTTP: OpenAI-compatible chat completions, Anthropic Messages, Google Gemini."""

from stella.adapters.chat.anthropic import Anthropic
from stella.adapters.chat.google import Google
from stella.adapters.chat.model import ChatModel, Patience
from stella.adapters.chat.openai import OpenAI

__all__ = ["Anthropic", "ChatModel", "Google", "OpenAI", "Patience"]
