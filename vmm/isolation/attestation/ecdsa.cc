// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/ecdsa.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>

#include <string>

#include "vmm/isolation/attestation/openssl_ptr.h"

namespace sealvm::attestation {
namespace {

using ParamBuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, OpensslFree<OSSL_PARAM_BLD_free>>;
using ParamsPtr = std::unique_ptr<OSSL_PARAM, OpensslFree<OSSL_PARAM_free>>;

const char* GroupName(EcCurve curve) { return curve == EcCurve::kP256 ? "P-256" : "P-384"; }

// Null unless the point lies on the curve.
PkeyPtr MakePublicKey(const EcPublicKey& key) {
  std::vector<uint8_t> point = {POINT_CONVERSION_UNCOMPRESSED};
  point.insert(point.end(), key.x.begin(), key.x.end());
  point.insert(point.end(), key.y.begin(), key.y.end());
  const ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                      GroupName(key.curve), 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1) {
    return nullptr;
  }
  const ParamsPtr params(OSSL_PARAM_BLD_to_param(builder.get()));
  const PkeyContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* made = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return PkeyPtr(made);
}

std::vector<uint8_t> EncodeDer(const EcdsaSignature& signature) {
  EcdsaSigPtr pair(ECDSA_SIG_new());
  BignumPtr r(BN_bin2bn(signature.r.data(), static_cast<int>(signature.r.size()), nullptr));
  BignumPtr s(BN_bin2bn(signature.s.data(), static_cast<int>(signature.s.size()), nullptr));
  if (!pair || !r || !s) return {};
  // Refuses nothing but null pointers.
  ECDSA_SIG_set0(pair.get(), r.release(), s.release());
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  if (size <= 0) return {};
  std::vector<uint8_t> out(der, der + size);
  OPENSSL_free(der);
  return out;
}

std::vector<uint8_t> ToFixed(const BIGNUM* number, size_t size) {
  std::vector<uint8_t> out(size);
  if (BN_bn2binpad(number, out.data(), static_cast<int>(size)) < 0) out.clear();
  return out;
}

Result<EcCurve> CurveOf(EVP_PKEY* key, std::string_view name) {
  char group[32] = {};
  size_t length = 0;
  if (EVP_PKEY_get_group_name(key, group, sizeof(group), &length) == 1) {
    const std::string_view text(group, length);
    if (text == "prime256v1" || text == "P-256") return EcCurve::kP256;
    if (text == "secp384r1" || text == "P-384") return EcCurve::kP384;
  }
  return InvalidInput(fmt::format("{}: the key is not of the curves P-256 and P-384", name));
}

}  // namespace

size_t CoordinateSize(EcCurve curve) { return curve == EcCurve::kP256 ? 32 : 48; }

bool VerifyEcdsa(const EcPublicKey& key, std::span<const uint8_t> digest,
                 const EcdsaSignature& signature) {
  const ErrorQueueGuard errors;
  const size_t size = CoordinateSize(key.curve);
  if (key.x.size() != size || key.y.size() != size) return false;
  if (signature.r.size() != size || signature.s.size() != size) return false;
  const PkeyPtr pkey = MakePublicKey(key);
  if (!pkey) return false;
  const std::vector<uint8_t> der = EncodeDer(signature);
  const PkeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, pkey.get(), nullptr));
  return !der.empty() && context && EVP_PKEY_verify_init(context.get()) == 1 &&
         EVP_PKEY_verify(context.get(), der.data(), der.size(), digest.data(), digest.size()) == 1;
}

Result<EcPublicKey> EcPublicKeyOf(evp_pkey_st* key, std::string_view name) {
  const ErrorQueueGuard errors;
  EcPublicKey out;
  out.curve = SEALVM_TRY(CurveOf(key, name));
  BIGNUM* x = nullptr;
  BIGNUM* y = nullptr;
  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x);
  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y);
  const BignumPtr x_owner(x);
  const BignumPtr y_owner(y);
  if (x == nullptr || y == nullptr) {
    return InvalidInput(fmt::format("{}: the key has no public point", name));
  }
  out.x = ToFixed(x, CoordinateSize(out.curve));
  out.y = ToFixed(y, CoordinateSize(out.curve));
  return out;
}

Result<EcdsaPrivateKey> EcdsaPrivateKey::FromPem(std::span<const uint8_t> pem,
                                                 std::string_view name) {
  const ErrorQueueGuard errors;
  const BioPtr bio = ReadBio(pem);
  if (!bio) return InvalidInput(fmt::format("{}: cannot be read as PEM", name));
  std::shared_ptr<evp_pkey_st> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr), EVP_PKEY_free);
  if (!key) {
    // PKCS #8 names it in its first line, the older form in a header.
    const std::string_view text(reinterpret_cast<const char*>(pem.data()), pem.size());
    if (text.find("ENCRYPTED") != text.npos) {
      return InvalidInput(fmt::format("{}: the key is encrypted with a passphrase", name),
                          "decrypt it with 'openssl pkey -in KEY -out PLAIN'");
    }
    return InvalidInput(fmt::format("{}: holds no private key in PEM without a passphrase", name),
                        "make one with 'openssl ecparam -name secp384r1 -genkey -noout'");
  }
  EcPublicKey public_key = SEALVM_TRY(EcPublicKeyOf(key.get(), name));
  if (public_key.curve != EcCurve::kP384) {
    return InvalidInput(fmt::format("{}: the key is of P-256, SNP takes P-384 alone", name),
                        "make one with 'openssl ecparam -name secp384r1 -genkey -noout'");
  }
  return EcdsaPrivateKey(std::move(key), std::move(public_key));
}

Result<EcdsaSignature> EcdsaPrivateKey::Sign(std::span<const uint8_t> digest) const {
  const ErrorQueueGuard errors;
  const PkeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
  std::vector<uint8_t> der(256);
  size_t size = der.size();
  if (!context || EVP_PKEY_sign_init(context.get()) != 1 ||
      EVP_PKEY_sign(context.get(), der.data(), &size, digest.data(), digest.size()) != 1) {
    return HostError("libcrypto cannot sign with ECDSA P-384");
  }
  const unsigned char* at = der.data();
  const EcdsaSigPtr pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  if (!pair) return HostError("libcrypto made a signature that it cannot read");
  const size_t half = CoordinateSize(public_key_.curve);
  return EcdsaSignature{.r = ToFixed(ECDSA_SIG_get0_r(pair.get()), half),
                        .s = ToFixed(ECDSA_SIG_get0_s(pair.get()), half)};
}

}  // namespace sealvm::attestation
