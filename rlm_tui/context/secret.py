"""Which files hold secrets, by their well-known names and by the armour of private keys.

Names come from the documentation of the programs that write them: OpenSSH, GnuPG, curl and ftp (`.netrc`), npm,
PyPI's twine, PostgreSQL (`.pgpass`), the AWS, Google Cloud and Azure command lines, Docker, Kubernetes, Terraform,
Vault, and the `.env` convention.
"""

import re

_NAMES = frozenset(
    [
        ".envrc",
        ".netrc",
        "_netrc",
        ".pgpass",
        ".my.cnf",
        ".npmrc",
        ".pypirc",
        ".htpasswd",
        ".git-credentials",
        ".dockercfg",
        ".vault-token",
        ".s3cfg",
        ".boto",
        ".terraformrc",
        ".yarnrc",
        ".pgp",
        ".authinfo",
        ".authinfo.gpg",
        "id_rsa",
        "id_dsa",
        "id_ecdsa",
        "id_ecdsa_sk",
        "id_ed25519",
        "id_ed25519_sk",
        "identity.pem",
        "credentials",
        "credentials.json",
        "credentials.yml",
        "credentials.yaml",
        "credentials.toml",
        "credentials.ini",
        "application_default_credentials.json",
        "accesstokens.json",
        "kubeconfig",
        "secrets.json",
        "secrets.yml",
        "secrets.yaml",
        "secrets.toml",
        "secrets.ini",
        "secrets.env",
        "secret.json",
        "secret.yml",
        "secret.yaml",
        "master.key",
        "wallet.dat",
        "terraform.tfstate",
        "terraform.tfstate.backup",
    ]
)
_ENDINGS = (".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".kdb", ".ppk", ".key", ".tfvars", ".agekey")
_PATHS = (".aws/config", ".docker/config.json", ".kube/config", ".config/gh/hosts.yml")
_TREES = frozenset({".ssh", ".gnupg", ".password-store"})
_EXAMPLES = (".example", ".sample", ".template", ".dist", ".defaults")
_PATTERNS = re.compile(r"client_secret.*\.json|service[-_]account.*\.json|.*\.env")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY")
_ARMOURED = (".pem", ".crt", ".cert", ".cer", ".asc")


def is_secret(path: str) -> bool:
    """Tell whether `path` (with `/` between its parts) has the name of a file that holds secrets.

    `.env.example` and its like are not secret; a public key is not.
    """
    path = path.lower()
    parts = path.split("/")
    name = parts[-1]
    if name.endswith(_EXAMPLES):
        return False
    return (
        name in _NAMES
        or name.startswith(".env.")
        or name.endswith(_ENDINGS)
        or _PATTERNS.fullmatch(name) is not None
        or any(path == known or path.endswith("/" + known) for known in _PATHS)
        or not _TREES.isdisjoint(parts[:-1])
    )


def holds_private_key(path: str, text: str) -> bool:
    """Tell whether `text` is a private key: it begins with one or, in a certificate file, holds one."""
    if path.lower().endswith(_ARMOURED):
        return "PRIVATE KEY" in text and _PRIVATE_KEY.search(text) is not None
    return _PRIVATE_KEY.match(text.lstrip()[:64] if text[:1].isspace() else text[:64]) is not None
