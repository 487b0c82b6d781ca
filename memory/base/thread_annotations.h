// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_BASE_THREAD_ANNOTATIONS_H_
#define SEALVM_MEMORY_BASE_THREAD_ANNOTATIONS_H_

// Attributes of clang's thread-safety analysis (clang documentation, "Thread Safety Analysis"); no
// effect with other compilers. `bazel build --config=clang` checks them.

#if defined(__clang__)
#define SEALVM_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define SEALVM_THREAD_ATTRIBUTE(x)
#endif

// On a type: it is a lock; on a RAII type: it holds one while it lives.
#define SEALVM_CAPABILITY(name) SEALVM_THREAD_ATTRIBUTE(capability(name))
#define SEALVM_SCOPED_CAPABILITY SEALVM_THREAD_ATTRIBUTE(scoped_lockable)

// On a field: touched only with the lock held.
#define SEALVM_GUARDED_BY(lock) SEALVM_THREAD_ATTRIBUTE(guarded_by(lock))

// On a function: the caller holds the lock, or must not hold it.
#define SEALVM_REQUIRES(...) SEALVM_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define SEALVM_EXCLUDES(...) SEALVM_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))

// On a function: it takes or gives up the lock.
#define SEALVM_ACQUIRE(...) SEALVM_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define SEALVM_RELEASE(...) SEALVM_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define SEALVM_TRY_ACQUIRE(...) SEALVM_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))

// On a function whose locking the analysis cannot follow; say why beside it.
#define SEALVM_NO_THREAD_SAFETY_ANALYSIS SEALVM_THREAD_ATTRIBUTE(no_thread_safety_analysis)

#endif  // SEALVM_MEMORY_BASE_THREAD_ANNOTATIONS_H_
