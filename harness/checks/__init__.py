"""What ``harness doctor`` looks at: the installation, the machine, the services, the repository."""
