"""Tunnels: a public https address for a port of this machine, by ngrok, cloudflared or localtunnel."""

from stella.adapters.tunnel.choose import TUNNELS, choose
from stella.adapters.tunnel.programs import Program
from stella.adapters.tunnel.reach import NotReached, reach
from stella.adapters.tunnel.running import Tunnel, open_tunnel

__all__ = ["TUNNELS", "NotReached", "Program", "Tunnel", "choose", "open_tunnel", "reach"]
