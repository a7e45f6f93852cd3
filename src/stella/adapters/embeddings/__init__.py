"""Vectors of texts by whoever speaks OpenAI's `/embeddings`."""

from stella.adapters.embeddings.openai import OpenAIEmbeddings

__all__ = ["OpenAIEmbeddings"]
