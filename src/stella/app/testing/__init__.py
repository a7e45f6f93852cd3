"""A telephone for tests of programs: rings a STELLA over Twilio's protocol, in words instead of sounds."""
