"""The one place that picks adapters: settings in, a worker out; one file a capability."""
