"""The door for messages of a broker, and the consumer that takes messages out of the inbox."""
