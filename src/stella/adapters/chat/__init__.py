"""Language models over HTTP: OpenAI-compatible chat completions, OpenAI Responses, Anthropic Messages, Google Gemini."""

from stella.adapters.chat.anthropic import Anthropic
from stella.adapters.chat.google import Google
from stella.adapters.chat.model import ChatModel, Patience
from stella.adapters.chat.openai import OpenAI
from stella.adapters.chat.quirks import azure_base
from stella.adapters.chat.responses import OpenAIResponses

__all__ = ["Anthropic", "ChatModel", "Google", "OpenAI", "OpenAIResponses", "Patience", "azure_base"]
