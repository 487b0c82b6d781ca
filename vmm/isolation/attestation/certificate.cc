// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/certificate.h"

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include <algorithm>

#include "vmm/crypto/digest.h"
#include "vmm/isolation/attestation/openssl_ptr.h"

namespace sealvm::attestation {
namespace {

using StorePtr = std::unique_ptr<X509_STORE, OpensslFree<X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, OpensslFree<X509_STORE_CTX_free>>;
using ObjectPtr = std::unique_ptr<ASN1_OBJECT, OpensslFree<ASN1_OBJECT_free>>;

struct FreeStack {
  // The certificates are borrowed.
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
using StackPtr = std::unique_ptr<STACK_OF(X509), FreeStack>;

std::string Printable(std::string_view text) {
  std::string out;
  for (const char c : text) out.push_back(c >= 0x20 && c < 0x7f ? c : '?');
  return out;
}

std::vector<std::shared_ptr<X509>> ReadPem(std::span<const uint8_t> bytes) {
  std::vector<std::shared_ptr<X509>> out;
  const BioPtr bio = ReadBio(bytes);
  while (bio && out.size() <= kMaxCertificates) {
    X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr);
    if (certificate == nullptr) break;
    out.emplace_back(certificate, X509_free);
  }
  return out;
}

std::vector<std::shared_ptr<X509>> ReadDer(std::span<const uint8_t> bytes) {
  const unsigned char* at = bytes.data();
  if (bytes.size() > INT_MAX) return {};
  X509* certificate = d2i_X509(nullptr, &at, static_cast<long>(bytes.size()));
  if (certificate == nullptr) return {};
  return {std::shared_ptr<X509>(certificate, X509_free)};
}

StackPtr MakeStack(std::span<const Certificate> certificates) {
  StackPtr stack(sk_X509_new_null());
  for (const Certificate& certificate : certificates) {
    if (!stack || sk_X509_push(stack.get(), certificate.get()) <= 0) return nullptr;
  }
  return stack;
}

}  // namespace

std::string Certificate::CommonName() const {
  char text[128] = {};
  const X509_NAME* subject = X509_get_subject_name(get());
  if (X509_NAME_get_text_by_NID(const_cast<X509_NAME*>(subject), NID_commonName, text,
                                sizeof(text)) < 0) {
    return {};
  }
  return Printable(text);
}

Result<EcPublicKey> Certificate::EcKey() const {
  const ErrorQueueGuard errors;
  const std::string name = fmt::format("certificate '{}'", CommonName());
  EVP_PKEY* key = X509_get0_pubkey(get());
  if (key == nullptr) return InvalidInput(name + ": its key cannot be read");
  return EcPublicKeyOf(key, name);
}

std::optional<std::vector<uint8_t>> Certificate::Extension(const char* oid) const {
  const ErrorQueueGuard errors;
  const ObjectPtr object(OBJ_txt2obj(oid, 1));
  if (!object) return std::nullopt;
  const int index = X509_get_ext_by_OBJ(get(), object.get(), -1);
  if (index < 0) return std::nullopt;
  const ASN1_OCTET_STRING* data = X509_EXTENSION_get_data(X509_get_ext(get(), index));
  const uint8_t* bytes = ASN1_STRING_get0_data(data);
  return std::vector<uint8_t>(bytes, bytes + ASN1_STRING_length(data));
}

bool Certificate::IsSelfIssued() const {
  return X509_NAME_cmp(X509_get_subject_name(get()), X509_get_issuer_name(get())) == 0;
}

std::string Certificate::Fingerprint() const {
  unsigned char* der = nullptr;
  const int size = i2d_X509(get(), &der);
  if (size <= 0) return {};
  const Sha256Digest digest = Sha256Of({der, static_cast<size_t>(size)});
  OPENSSL_free(der);
  return HexText(digest);
}

Result<std::vector<Certificate>> ParseCertificates(std::span<const uint8_t> bytes,
                                                   std::string_view name) {
  const ErrorQueueGuard errors;
  std::vector<std::shared_ptr<X509>> read = ReadPem(bytes);
  if (read.empty()) read = ReadDer(bytes);
  if (read.empty()) {
    return InvalidInput(fmt::format("{}: holds no X.509 certificate in PEM or DER", name));
  }
  if (read.size() > kMaxCertificates) {
    return InvalidInput(fmt::format("{}: holds more than {} certificates", name, kMaxCertificates));
  }
  std::vector<Certificate> out;
  out.reserve(read.size());
  for (std::shared_ptr<X509>& certificate : read) {
    out.push_back(Certificate(std::move(certificate)));
  }
  return out;
}

Result<> VerifyChain(const Certificate& leaf, std::span<const Certificate> intermediates,
                     std::span<const Certificate> roots, std::string_view name) {
  const ErrorQueueGuard errors;
  const StorePtr store(X509_STORE_new());
  const StoreContextPtr context(X509_STORE_CTX_new());
  const StackPtr untrusted = MakeStack(intermediates);
  if (!store || !context || !untrusted) return HostError("libcrypto is out of memory");
  for (const Certificate& root : roots) X509_STORE_add_cert(store.get(), root.get());
  if (X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), untrusted.get()) != 1) {
    return HostError("libcrypto cannot check certificates");
  }
  if (X509_verify_cert(context.get()) == 1) return {};
  return InvalidInput(
      fmt::format("{}: certificate '{}': {}", name, leaf.CommonName(),
                  X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()))));
}

}  // namespace sealvm::attestation
