"""The composition root of the alerting service: settings in, a running application out.

Read ``composition.build_app`` first. The other modules build its parts: ``service_layer`` (the use
cases), ``access_components`` (who may do what), ``gateways`` (channels and their secrets) and
``background_tasks`` (threads).
"""
