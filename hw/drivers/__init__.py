"""Drivers of serial-attached miners: protocols without a port, and the devices that speak them."""
