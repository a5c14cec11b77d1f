#!/bin/sh
# Makes the certificates of the tests: an authority of their own, a server (localhost), a client, a server of another
# name, and one that nobody signed. Valid from 2020 to 2120; good for nothing but these tests.
set -e
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/ca.cnf" <<END
[ca]
default_ca = here
[here]
database = $work/index.txt
new_certs_dir = $work
serial = $work/serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:true
subjectKeyIdentifier = hash
[server]
subjectAltName = DNS:localhost,IP:127.0.0.1,IP:::1
[other]
subjectAltName = DNS:other.example
[client]
extendedKeyUsage = clientAuth
END
touch "$work/index.txt"
echo 01 >"$work/serial"
make() { # file, common name, extensions, how it is signed
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
  openssl req -new -config "$work/ca.cnf" -key "$1.key" -subj "/CN=$2" -out "$work/$1.csr"
  openssl ca -batch -notext -config "$work/ca.cnf" -startdate 20200101000000Z -enddate 21200101000000Z \
    -in "$work/$1.csr" -out "$1.pem" -extensions "$3" $4 2>/dev/null
}
make authority 'tsyncio test authority' authority '-selfsign -keyfile authority.key'
signed='-cert authority.pem -keyfile authority.key'
make server localhost server "$signed"
make client 'tsyncio test client' client "$signed"
make other other.example other "$signed"
make stranger localhost server '-selfsign -keyfile stranger.key'
rm authority.key
