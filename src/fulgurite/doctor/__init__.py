"""The examination of a machine, a service and a key, as `fulgurite doctor` prints it."""
