// Mathematics: the C library's functions under jq's names.
#include <math.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

#include "expression/builtins.h"
#include "expression/operations.h"

namespace stepwell::expression::detail {

namespace {

using Unary = double (*)(double);
using Binary = double (*)(double, double);

template <Unary kFunction>
Value unary(NativeCall& call) {
  if (!call.input.is_number()) return call.raise(type_error(call.input, "number required"));
  return number_value(kFunction(call.input.as_double()));
}

// Rounding leaves a whole number as it is, exact beyond 2^53 too.
template <Unary kFunction>
Value rounding(NativeCall& call) {
  return call.input.is_int64() ? call.input : unary<kFunction>(call);
}

template <Binary kFunction>
Value binary(NativeCall& call) {
  for (const Value& arg : call.args)
    if (!arg.is_number()) return call.raise(type_error(arg, "number required"));
  return number_value(kFunction(call.args[0].as_double(), call.args[1].as_double()));
}

double exp_ten(double x) { return pow(10, x); }
double gamma_log(double x) {
  int sign = 0;
  return lgamma_r(x, &sign);
}
double significand_of(double x) {
  if (x == 0 || std::isinf(x) || std::isnan(x)) return x;
  int exponent = 0;
  return frexp(x, &exponent) * 2;
}
int to_int(double x) {
  if (std::isnan(x)) return 0;
  return static_cast<int>(std::fmin(std::fmax(x, -1e9), 1e9));
}
double ldexp_of(double x, double exponent) { return ldexp(x, to_int(exponent)); }
double scalbln_of(double x, double exponent) { return scalbln(x, to_int(exponent)); }
double scalb_of(double x, double exponent) { return x * exp2(exponent); }

// These take as many steps as their order says.
template <double (*kFunction)(int, double)>
Value of_order(NativeCall& call) {
  for (const Value& arg : call.args)
    if (!arg.is_number()) return call.raise(type_error(arg, "number required"));
  constexpr int kMaxOrder = 1'000'000;
  const int order = to_int(call.args[0].as_double());
  if (std::abs(order) > kMaxOrder) call.limits.exceed(Limits::Exceeded::cpu);
  if (!call.limits.spend(std::abs(order) / 16)) return {};
  return number_value(kFunction(order, call.args[1].as_double()));
}

double nexttoward_of(double x, double y) { return nexttoward(x, y); }

Value fused(NativeCall& call) {
  for (const Value& arg : call.args)
    if (!arg.is_number()) return call.raise(type_error(arg, "number required"));
  return number_value(
      fma(call.args[0].as_double(), call.args[1].as_double(), call.args[2].as_double()));
}

Value mantissa_exponent(NativeCall& call) {
  if (!call.input.is_number()) return call.raise(type_error(call.input, "number required"));
  int exponent = 0;
  const double mantissa = frexp(call.input.as_double(), &exponent);
  if (!std::isfinite(mantissa)) exponent = 0;
  return Value::array({number_value(mantissa), Value(exponent)});
}

Value fraction_whole(NativeCall& call) {
  if (!call.input.is_number()) return call.raise(type_error(call.input, "number required"));
  double whole = 0;
  const double fraction = modf(call.input.as_double(), &whole);
  return Value::array({number_value(fraction), number_value(whole)});
}

Value gamma_sign(NativeCall& call) {
  if (!call.input.is_number()) return call.raise(type_error(call.input, "number required"));
  int sign = 0;
  const double value = lgamma_r(call.input.as_double(), &sign);
  return Value::array({number_value(value), Value(sign)});
}

Value infinite(NativeCall&) { return Value(std::numeric_limits<double>::infinity()); }
Value not_a_number(NativeCall&) { return Value(std::numeric_limits<double>::quiet_NaN()); }

// What is no number is none of these.
Value is_infinite(NativeCall& call) {
  return Value(call.input.is_number() && std::isinf(call.input.as_double()));
}
Value is_nan(NativeCall& call) {
  return Value(call.input.is_number() && std::isnan(call.input.as_double()));
}
Value is_normal(NativeCall& call) {
  return Value(call.input.is_number() && std::isnormal(call.input.as_double()));
}
Value is_finite(NativeCall& call) {
  return Value(call.input.is_number() && !std::isinf(call.input.as_double()));
}

constexpr NativeEntry kMathEntries[] = {
    {"floor", 0, rounding<floor>},
    {"ceil", 0, rounding<ceil>},
    {"round", 0, rounding<round>},
    {"trunc", 0, rounding<trunc>},
    {"rint", 0, rounding<rint>},
    {"nearbyint", 0, rounding<nearbyint>},
    {"fabs", 0, unary<fabs>},
    {"sqrt", 0, unary<sqrt>},
    {"cbrt", 0, unary<cbrt>},
    {"exp", 0, unary<exp>},
    {"exp2", 0, unary<exp2>},
    {"exp10", 0, unary<exp_ten>},
    {"pow10", 0, unary<exp_ten>},
    {"expm1", 0, unary<expm1>},
    {"log", 0, unary<log>},
    {"log2", 0, unary<log2>},
    {"log10", 0, unary<log10>},
    {"log1p", 0, unary<log1p>},
    {"logb", 0, unary<logb>},
    {"significand", 0, unary<significand_of>},
    {"gamma", 0, unary<gamma_log>},
    {"lgamma", 0, unary<gamma_log>},
    {"tgamma", 0, unary<tgamma>},
    {"lgamma_r", 0, gamma_sign},
    {"frexp", 0, mantissa_exponent},
    {"modf", 0, fraction_whole},
    {"sin", 0, unary<sin>},
    {"cos", 0, unary<cos>},
    {"tan", 0, unary<tan>},
    {"asin", 0, unary<asin>},
    {"acos", 0, unary<acos>},
    {"atan", 0, unary<atan>},
    {"sinh", 0, unary<sinh>},
    {"cosh", 0, unary<cosh>},
    {"tanh", 0, unary<tanh>},
    {"asinh", 0, unary<asinh>},
    {"acosh", 0, unary<acosh>},
    {"atanh", 0, unary<atanh>},
    {"erf", 0, unary<erf>},
    {"erfc", 0, unary<erfc>},
    {"j0", 0, unary<j0>},
    {"j1", 0, unary<j1>},
    {"y0", 0, unary<y0>},
    {"y1", 0, unary<y1>},
    {"pow", 2, binary<pow>},
    {"atan2", 2, binary<atan2>},
    {"fmod", 2, binary<fmod>},
    {"fmin", 2, binary<fmin>},
    {"fmax", 2, binary<fmax>},
    {"fdim", 2, binary<fdim>},
    {"hypot", 2, binary<hypot>},
    {"copysign", 2, binary<copysign>},
    {"drem", 2, binary<remainder>},
    {"remainder", 2, binary<remainder>},
    {"nextafter", 2, binary<nextafter>},
    {"nexttoward", 2, binary<nexttoward_of>},
    {"ldexp", 2, binary<ldexp_of>},
    {"scalb", 2, binary<scalb_of>},
    {"scalbln", 2, binary<scalbln_of>},
    {"jn", 2, of_order<jn>},
    {"yn", 2, of_order<yn>},
    {"fma", 3, fused},
    {"infinite", 0, infinite},
    {"nan", 0, not_a_number},
    {"isinfinite", 0, is_infinite},
    {"isnan", 0, is_nan},
    {"isnormal", 0, is_normal},
    {"isfinite", 0, is_finite},
};

}  // namespace

std::span<const NativeEntry> math_natives() { return kMathEntries; }

}  // namespace stepwell::expression::detail
