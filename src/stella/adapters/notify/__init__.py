"""Messages to people: e-mail by SMTP, webhooks by Standard Webhooks."""

from stella.adapters.notify.email import EmailDelivery, SmtpSettings
from stella.adapters.notify.webhook import WebhookDelivery

__all__ = ["EmailDelivery", "SmtpSettings", "WebhookDelivery"]
