"""What our client tells gRPC of retries: one more attempt where no gateway answered, few in times of trouble.

The format is gRPC's service config (grpc.io/docs/guides/service-config, gRFC A6). Other clients may paste it as it is.
A refusal under overload is not tried again by itself: within the same deadline it would only wait and come too late.
What a worker's server turns away unread is UNAVAILABLE, too: one more attempt may reach another worker.
"""

import json

SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [{"service": "sluice.v1.Predictions"}],
            "retryPolicy": {
                "maxAttempts": 2,
                "initialBackoff": "0.005s",
                "maxBackoff": "0.02s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
    # Ten failures more than a tenth of the successes, and nothing is tried again until it is better.
    "retryThrottling": {"maxTokens": 20, "tokenRatio": 0.1},
}
OPTIONS = (("grpc.service_config", json.dumps(SERVICE_CONFIG)),)
