"""The simulation floor: regions, orders, migration and the network that feels them."""
