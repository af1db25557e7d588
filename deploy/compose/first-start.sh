# `docker compose up` runs this before the broker and the worker. Of keys and passwords, it makes what is not there yet.
set -eu

password() { head -c 24 /dev/urandom | base64 | tr +/ -_; }

# What stands on the broker may have changed since the last start. Its users there have passwords that everybody knows;
# RabbitMQ reads the second file after the first, and before it lets anybody in.
cp /definitions.json /broker/10-service.json
if [ ! -e /broker/20-users.json ]; then
    service=$(password) gateway=$(password) operator=$(password)
    (umask 077 && echo "amqp://profile-service:$service@rabbitmq:5672/" > /keys/rabbitmq_url)
    cat > /broker/new <<END
{
  "users": [
    {"name": "profile-service", "password": "$service", "tags": []},
    {"name": "gateway", "password": "$gateway", "tags": []},
    {"name": "operator", "password": "$operator", "tags": ["administrator"]}
  ],
  "permissions": [{"user": "operator", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}]
}
END
    mv /broker/new /broker/20-users.json
fi
ls /keys/*.pem > /dev/null 2>&1 || profilectl keys new /keys
chown -R worker /keys

echo "RabbitMQ's console: http://127.0.0.1:15672. What its user operator, and your gateway, log in with:"
echo "docker compose exec rabbitmq cat /etc/rabbitmq/definitions.d/20-users.json"
